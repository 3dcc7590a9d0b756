// Run inside a pod: GET each URL in turn, through the HTTP proxy where the environment names one; prints one line each.
import { request } from 'node:http';

for (const text of process.argv.slice(2)) {
  const url = new URL(text);
  const to = new URL(process.env.http_proxy ?? text);
  const path = process.env.http_proxy === undefined ? url.pathname + url.search : text;
  const line = await new Promise((resolve) => {
    const asked = request(
      { host: to.hostname, port: to.port || 80, path, headers: { host: url.host }, agent: false },
      (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve(`${answer.statusCode} ${body.trim()}`));
      },
    );
    asked.on('error', (error) => resolve(`error ${error.code}`));
    asked.end();
  });
  console.log(line);
}
