import { createServer, type Server } from 'node:net';

/** Below the range from which the kernel takes ports of outgoing connections (32768 on): nobody gets one of ours by chance. */
const first = 20_000;
const last = 30_000;

/** So many free ports of 127.0.0.1, held until all are found. @throws when the range has none left. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  try {
    let candidate = first + Math.floor(Math.random() * (last - first));
    for (let tries = 0; held.length < count; tries++) {
      if (tries > last - first) throw new Error(`no ${count} free ports between ${first} and ${last} on 127.0.0.1`);
      const server = await hold(candidate);
      if (server !== undefined) held.push(server);
      candidate = candidate + 1 >= last ? first : candidate + 1;
    }
    return held.map((server) => (server.address() as { port: number }).port);
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}
