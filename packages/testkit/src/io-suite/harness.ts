/** What the suite asks of an engine, and the scene that each case plays in. */
import type { Connection, Io, Limits, ListenSocket, SocketAddress, TlsContext } from '@tulle/proxy-core/internal';
import { type Reaction, RecordingAcceptor, RecordingHandler } from '../recording.js';
import type { SilentListener } from './silent-listener.js';

/** One engine made for one case. */
export interface IoUnderTest {
  readonly io: Io;
  /** Runs one turn of an engine that has its own loop (it must return within some 20 ms); undefined when the loop is node's. */
  step(): Promise<void> | undefined;
  close(): void | Promise<void>;
}

export interface IoHarness {
  makeIo(limits: Partial<Limits>): Promise<IoUnderTest>;
  /** Cases that need TLS run. */
  readonly tls: boolean;
  /** The addresses are those of the machine: foreign peers (node:net, node:tls) can be on the other side. */
  readonly sockets: boolean;
  /** An address on which connecting neither succeeds nor fails, for the deadline; `silentListener` where there are sockets. */
  silent(): Promise<SilentListener>;
}

/** The part of a tap test that the suite uses. */
export interface SuiteTest {
  test(name: string, run: (t: SuiteTest) => Promise<void>): unknown;
  teardown(run: () => unknown): void;
  ok(found: unknown, message?: string): boolean;
  notOk(found: unknown, message?: string): boolean;
  equal(found: unknown, wanted: unknown, message?: string): boolean;
  same(found: unknown, wanted: unknown, message?: string): boolean;
  not(found: unknown, unwanted: unknown, message?: string): boolean;
  match(found: unknown, wanted: unknown, message?: string): boolean;
  throws(run: () => void, wanted?: object, message?: string): unknown;
}

/** How long a condition may take. Only a broken engine waits for it. */
const deadlineMs = 60_000;

/** Two ends of one connection of the same engine, both open. */
export interface Pair {
  readonly client: RecordingHandler;
  readonly server: RecordingHandler;
  /** The client's connection. */
  readonly near: Connection;
  /** The accepted connection. */
  readonly far: Connection;
}

export class Scene {
  readonly io: Io;
  private readonly underTest: IoUnderTest;

  constructor(underTest: IoUnderTest) {
    this.underTest = underTest;
    this.io = underTest.io;
  }

  /** Turns the engine until the condition holds; fails by name when it does not within the deadline. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const giveUpMs = performance.now() + deadlineMs;
    while (!condition()) {
      if (performance.now() > giveUpMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
      await this.turn();
    }
  }

  /** Turns the engine a few times: for what must not happen. What was due in the kernel has been told by then. */
  async settle(turns = 20): Promise<void> {
    for (let i = 0; i < turns; i++) await this.turn();
  }

  async turn(): Promise<void> {
    const step = this.underTest.step();
    if (step !== undefined) await step;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Listens on a free port of the loopback. */
  listen(accept: (connection: Connection) => void): { socket: ListenSocket; acceptor: RecordingAcceptor } {
    const acceptor = new RecordingAcceptor(accept);
    const socket = this.io.listen(
      { address: { host: '127.0.0.1', port: 0 }, original: false, backlog: 511, reusePort: false },
      acceptor,
    );
    return { socket, acceptor };
  }

  connect(
    address: SocketAddress,
    handler: RecordingHandler,
    tls?: TlsContext,
    timeoutMs: number = deadlineMs,
  ): Connection {
    return this.io.connect({ address, tls, serverName: '', timeoutMs }, handler);
  }

  /** Connects two ends; with contexts, over TLS. */
  async pair(
    options: { client?: Reaction; server?: Reaction; clientTls?: TlsContext; serverTls?: TlsContext } = {},
  ): Promise<Pair> {
    const server = new RecordingHandler(options.server);
    const client = new RecordingHandler(options.client);
    const { socket, acceptor } = this.listen((connection) => {
      if (options.serverTls) connection.startTls(options.serverTls, server);
      else connection.startPlain(server);
    });
    const near = this.connect(socket.address, client, options.clientTls);
    await this.until('both ends are open', () => client.opened && server.opened);
    socket.close();
    return { client, server, near, far: acceptor.accepted[0] };
  }
}

/** A case: a sentence of behaviour and the play that shows it. */
export function cases(
  t: SuiteTest,
  harness: IoHarness,
): (sentence: string, play: (t: SuiteTest, scene: Scene) => Promise<void>, limits?: Partial<Limits>) => void {
  return (sentence, play, limits = {}) => {
    t.test(sentence, async (t) => {
      const underTest = await harness.makeIo(limits);
      t.teardown(() => underTest.close());
      await play(t, new Scene(underTest));
    });
  };
}
