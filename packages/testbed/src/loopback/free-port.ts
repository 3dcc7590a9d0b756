import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Listens on `ip:port` (0: any); throws the error of the system when that cannot be. */
export async function hold(ip: string, port: number): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, ip);
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : port, server };
}

/**
 * A port of `ip` that is free now and is not in `given`: the one wanted, or else (unless `exact`) one that the system chooses.
 * It is noted in `given`. Throws the error of the system.
 */
export async function freePort(
  ip: string,
  wanted: number,
  given: Set<string>,
  exact: boolean = false,
): Promise<number> {
  if (!given.has(`${ip}:${wanted}`) || exact) {
    const found = await tryPort(ip, wanted).catch((error: Error) => {
      if (exact) throw error;
      return null;
    });
    if (found !== null) {
      given.add(`${ip}:${found}`);
      return found;
    }
  }
  for (;;) {
    const found = await tryPort(ip, 0);
    if (given.has(`${ip}:${found}`)) continue;
    given.add(`${ip}:${found}`);
    return found;
  }
}

async function tryPort(ip: string, port: number): Promise<number> {
  const held = await hold(ip, port);
  held.server.close();
  await once(held.server, 'close');
  return held.port;
}
