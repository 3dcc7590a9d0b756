/** Servers on node:net that do as they are told, rightly or wrongly, and note what they got. No HTTP library: what a proxy must survive, a library would not send. */
import { once } from 'node:events';
import net from 'node:net';
import type { SocketAddress } from '@tulle/proxy-core/internal';
import { RequestCutter, type SeenRequest } from './request-cutter.js';

/** What the upstream does; steps of one answer happen in their order. */
export type Step =
  /** Latin-1 text or bytes, sent as they are. */
  | { readonly send: string | Uint8Array }
  /** Waits. The only thing here that takes real time. */
  | { readonly delayMs: number }
  /** Waits until the test calls `release` with that name. */
  | { readonly hold: string }
  /** Half-closes: what was announced and not sent is missing. */
  | { readonly end: true }
  /** RST. */
  | { readonly reset: true };

/** One connection as the upstream saw it. */
export interface SeenConnection {
  readonly remotePort: number;
  /** All bytes that came, Latin-1. */
  received: string;
  readonly requests: SeenRequest[];
  ending: 'open' | 'end' | 'reset';
}

export interface FakeUpstream {
  readonly address: SocketAddress;
  /** In order of acceptance. */
  readonly connections: readonly SeenConnection[];
  /** Requests of all connections, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** Lets answers go on that wait at `hold` with that name, now and later. */
  release(name: string): void;
  close(): Promise<void>;
}

export interface HttpUpstreamOptions {
  /** The n-th request, of whatever connection, gets the n-th answer; the last one serves all further ones. Empty: requests are read and never answered. */
  readonly answers: readonly (readonly Step[])[];
  /** Answer when the head is there, without waiting for the body. */
  readonly early?: boolean;
  /** After an answer the connection ends by itself, as a server does whose idle timeout is shorter than its client's pool. */
  readonly closeStale?: 'end' | 'reset';
}

/** An HTTP/1.1 server of scripted bytes. */
export async function fakeHttpUpstream(options: HttpUpstreamOptions): Promise<FakeUpstream> {
  let served = 0;
  const requests: SeenRequest[] = [];
  return startUpstream(requests, (socket, seen, play) => {
    const answer = async (): Promise<void> => {
      const steps = options.answers[Math.min(served++, options.answers.length - 1)];
      if (steps === undefined) return;
      await play(steps);
      if (options.closeStale === 'reset') socket.resetAndDestroy();
      else if (options.closeStale === 'end') socket.end();
    };
    // One at a time: pipelined requests are answered in their order.
    let last = Promise.resolve();
    const cutter = new RequestCutter({
      onHead(request) {
        seen.requests.push(request);
        requests.push(request);
        if (options.early) last = last.then(answer);
      },
      onWhole() {
        if (!options.early) last = last.then(answer);
      },
    });
    socket.on('data', (chunk: Buffer) => cutter.push(chunk.toString('latin1')));
    socket.on('end', () => {
      void last.then(() => socket.end());
    });
  });
}

export interface TcpUpstreamOptions {
  /** Done as soon as a connection is accepted: protocols in which the server speaks first. */
  readonly greeting?: readonly Step[];
  /** Sends back what comes; half-closes when the client has. */
  readonly echo?: boolean;
}

/** A server of opaque bytes. Without options it reads everything and half-closes when the client has. */
export async function fakeTcpUpstream(options: TcpUpstreamOptions = {}): Promise<FakeUpstream> {
  return startUpstream([], (socket, _seen, play) => {
    const greeted = options.greeting === undefined ? Promise.resolve() : play(options.greeting);
    if (options.echo) socket.on('data', (chunk: Buffer) => socket.write(chunk));
    else socket.resume();
    socket.on('end', () => {
      void greeted.then(() => socket.end());
    });
  });
}

type Serve = (socket: net.Socket, seen: SeenConnection, play: (steps: readonly Step[]) => Promise<void>) => void;

async function startUpstream(requests: readonly SeenRequest[], serve: Serve): Promise<FakeUpstream> {
  const connections: SeenConnection[] = [];
  const sockets = new Set<net.Socket>();
  const gates = new Gates();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const seen: SeenConnection = { remotePort: socket.remotePort ?? 0, received: '', requests: [], ending: 'open' };
    connections.push(seen);
    sockets.add(socket);
    socket.on('data', (chunk: Buffer) => {
      seen.received += chunk.toString('latin1');
    });
    socket.on('end', () => {
      seen.ending = 'end';
    });
    socket.on('error', () => {
      seen.ending = 'reset';
    });
    socket.on('close', () => sockets.delete(socket));
    serve(socket, seen, (steps) => play(socket, steps, gates));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    address: { host: '127.0.0.1', port },
    connections,
    requests,
    release: (name) => gates.open(name),
    async close() {
      gates.openAll();
      server.close();
      const closing = sockets.size === 0 && !server.listening ? undefined : once(server, 'close');
      for (const socket of sockets) socket.destroy();
      await closing;
    },
  };
}

async function play(socket: net.Socket, steps: readonly Step[], gates: Gates): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if ('send' in step) socket.write(typeof step.send === 'string' ? Buffer.from(step.send, 'latin1') : step.send);
    else if ('delayMs' in step) await new Promise((resolve) => setTimeout(resolve, step.delayMs));
    else if ('hold' in step) await gates.passed(step.hold);
    else if ('end' in step) socket.end();
    else socket.resetAndDestroy();
  }
}

/** Named gates that stay open once opened. */
class Gates {
  private readonly opened = new Set<string>();
  private readonly waiting = new Map<string, (() => void)[]>();
  private all = false;

  passed(name: string): Promise<void> {
    if (this.all || this.opened.has(name)) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.set(name, [...(this.waiting.get(name) ?? []), resolve]);
    });
  }

  open(name: string): void {
    this.opened.add(name);
    for (const resolve of this.waiting.get(name) ?? []) resolve();
    this.waiting.delete(name);
  }

  openAll(): void {
    this.all = true;
    for (const name of [...this.waiting.keys()]) this.open(name);
  }
}

/** Steps of a whole answer with a content-length. */
export function answer(status: number, body: string, fields: readonly string[] = []): Step[] {
  const lines = [
    `HTTP/1.1 ${status} Answer`,
    `content-length: ${Buffer.byteLength(body, 'latin1')}`,
    ...fields,
    '',
    body,
  ];
  return [{ send: lines.join('\r\n') }];
}

/** An answer that announces more than comes, then ends or resets. */
export function truncatedAnswer(body: string, missingBytes: number, ending: 'end' | 'reset'): Step[] {
  const head = `HTTP/1.1 200 Answer\r\ncontent-length: ${body.length + missingBytes}\r\n\r\n`;
  return [{ send: head + body }, ending === 'end' ? { end: true } : { reset: true }];
}
