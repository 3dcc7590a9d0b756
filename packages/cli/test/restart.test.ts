/** Two of the built `tulle proxy` behind a client that balances over them, restarted in turn under load: nobody notices. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { proxy, type Running } from './running-proxy.js';

/** Restarts, the two together. */
const restarts = 20;
/** Requests under way at any time: most on kept connections, some on new ones. */
const keeping = 6;
const fresh = 2;

async function freePort(): Promise<number> {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What an ordinary balancing client does: turn by turn, connections are kept unless the answer says close, and who refuses to be connected is passed over. It repeats nothing. */
class BalancingClient {
  readonly agent = new http.Agent({ keepAlive: true, scheduling: 'fifo' });
  private readonly ports: readonly number[];
  private turn = 0;
  refused = 0;

  constructor(ports: readonly number[]) {
    this.ports = ports;
  }

  async ask(path: string, keeps: boolean): Promise<string> {
    const turn = this.turn++;
    for (let tried = 0; tried < this.ports.length; tried++) {
      const port = this.ports[(turn + tried) % this.ports.length];
      try {
        return await this.askOn(port, path, keeps);
      } catch (error) {
        // Nothing was sent: the only failure that says so for certain.
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
        this.refused++;
      }
    }
    throw new Error('both refuse');
  }

  private askOn(port: number, path: string, keeps: boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port, path, agent: keeps ? this.agent : false }, (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (part) => {
          body += part;
        });
        response.on('end', () => resolve(`${response.statusCode} ${body}`));
        response.on('error', reject);
      });
      request.on('error', reject);
    });
  }
}

async function started(t: Tap, port: number, to: string): Promise<Running> {
  const running = proxy(t, ['--listen', `127.0.0.1:${port}`, '--to', to, '--access-log', 'off']);
  await running.told(/listening on/);
  return running;
}

type Tap = Parameters<typeof proxy>[0];

t.test('twenty restarts under load fail no request', { timeout: 120_000 }, async (t) => {
  let slow = 0;
  const app = http.createServer((request, response) => {
    // Some answers take a while, so that there is always something to finish.
    if (slow++ % 8 === 0) setTimeout(() => response.end(request.url), 20);
    else response.end(request.url);
  });
  await once(app.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    app.closeAllConnections();
    app.close();
  });
  const to = `127.0.0.1:${(app.address() as AddressInfo).port}`;
  const ports = [await freePort(), await freePort()];
  const proxies = await Promise.all(ports.map((port) => started(t, port, to)));
  const client = new BalancingClient(ports);
  t.teardown(() => client.agent.destroy());
  let isOver = false;
  let answered = 0;
  const failed: string[] = [];
  const worker = async (name: number): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      const path = `/${name}/${i}`;
      const answer = await client.ask(path, name < keeping).catch(String);
      if (answer === `200 ${path}`) answered++;
      else failed.push(answer);
    }
  };
  const load = Promise.all(Array.from({ length: keeping + fresh }, (_, name) => worker(name)));
  const answeredBetween: number[] = [];
  for (let i = 0; i < restarts; i++) {
    const before = answered;
    const which = i % 2;
    proxies[which].kill();
    t.equal(await proxies[which].exited, 0);
    proxies[which] = await started(t, ports[which], to);
    answeredBetween.push(answered - before);
  }
  isOver = true;
  await load;
  t.same(failed, []);
  t.ok(Math.min(...answeredBetween) > 0, `answered in each restart: ${answeredBetween}`);
  t.ok(client.refused > 0, `${client.refused} connections were refused meanwhile`);
});
