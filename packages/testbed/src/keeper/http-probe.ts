import { get } from 'node:http';
/** Status and body of a GET, null when nothing answers or the answer pauses for `timeoutMs`. `address` is `ip:port`; bodies end at 4 MiB. */
export function httpGet(
  address: string,
  path: string,
  timeoutMs: number,
): Promise<{ status: number; body: string } | null> {
  return new Promise((resolve) => {
    const [host, port] = address.split(':');
    const request = get({ host, port: Number(port), path, agent: false, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > 4 << 20) response.destroy();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(null));
      response.on('close', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}
