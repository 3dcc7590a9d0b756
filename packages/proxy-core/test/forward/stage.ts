/** A whole data plane over connections in memory and a clock that the test moves, with clients and servers that do as they are told. */
import type { Test } from 'tap';
import { createMemoryIo, type MemoryIo } from '../../../testkit/src/memory-io.js';
import type { SocketAddress } from '../../src/address.js';
import { checkConfig } from '../../src/config/check.js';
import type { ProxyConfig } from '../../src/config/config.js';
import { DataPlane } from '../../src/data-plane.js';
import type { Connection, ConnectionHandler, IoError } from '../../src/io/io.js';
import { fromLatin1 } from '../../src/message/head.js';
import type { ExchangeRecord, Observer, RejectionRecord, TunnelRecord } from '../../src/observe/record.js';
import { breakerCounts } from '../../src/pool/breaker.js';
import type { ClusterObserver } from '../../src/upstream/events.js';

/** One end of a connection, a client's or a server's. */
export class Peer implements ConnectionHandler {
  connection!: Connection;
  received = '';
  ending: 'open' | 'ended' | 'closed' | 'reset' = 'open';
  /** Called with all that came so far, each time. */
  onText: (text: string) => void = () => {};
  onEnded: () => void = () => {};

  send(text: string): void {
    const bytes = fromLatin1(text);
    this.connection.write(bytes, 0, bytes.length, false);
  }

  /** Breaks it off; nothing is told of it any more. */
  reset(): void {
    this.ending = 'reset';
    this.connection.destroy(true);
  }

  onOpen(): void {}

  onData(_connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    this.received += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.onText(this.received);
  }

  onEnd(): void {
    this.ending = 'ended';
    this.onEnded();
  }

  onDrain(): void {}

  onClose(_connection: Connection, error: IoError | undefined): void {
    this.ending = error === undefined ? 'closed' : 'reset';
  }
}

export interface Line {
  readonly kind: 'exchange' | 'tunnel' | 'rejected';
  readonly reason: string;
  readonly status: number;
  readonly attempts: number;
}

/** What happened to clusters, as words. */
class ClusterNotes implements ClusterObserver {
  load(): Float64Array {
    return new Float64Array(breakerCounts.length);
  }

  readonly told: string[] = [];

  ejected(cluster: string, cause: string): void {
    this.told.push(`${cluster} ejected ${cause}`);
  }

  restored(cluster: string): void {
    this.told.push(`${cluster} restored`);
  }

  panicked(cluster: string): void {
    this.told.push(`${cluster} panicked`);
  }

  overflowed(cluster: string, limit: string): void {
    this.told.push(`${cluster} overflowed ${limit}`);
  }
}

/** Notes what it is told as it is told, since records are not valid later. */
class Notes implements Observer {
  readonly lines: Line[] = [];
  readonly upstream = new ClusterNotes();
  active = 0;
  accepts = 0;
  private readonly told = new WeakSet<object>();

  accepted(): void {
    this.accepts++;
    this.active++;
  }

  closed(): void {
    this.active--;
  }

  exchange(_direction: string, record: ExchangeRecord): void {
    const { reason, status, attempts, head } = record;
    if (this.told.has(record)) throw new Error('an exchange was told of twice');
    this.told.add(record);
    if (head.method === '') throw new Error('the head is not valid any more');
    this.lines.push({ kind: 'exchange', reason, status, attempts });
  }

  tunnel(_direction: string, record: TunnelRecord): void {
    const { reason, attempts } = record;
    if (this.told.has(record)) throw new Error('a tunnel was told of twice');
    this.told.add(record);
    this.lines.push({ kind: 'tunnel', reason, status: 0, attempts });
  }

  rejected(_direction: string, { reason, status }: RejectionRecord): void {
    this.lines.push({ kind: 'rejected', reason, status, attempts: 0 });
  }

  flush(): void {}
}

const proxyAddress = { host: '127.0.0.1', port: 80 };

export class Stage {
  readonly io: MemoryIo;
  readonly plane: DataPlane;
  readonly notes = new Notes();

  constructor(config: ProxyConfig, options: Parameters<typeof createMemoryIo>[0] = {}) {
    this.io = createMemoryIo(options);
    this.plane = new DataPlane(this.io, this.notes, {
      reusePort: false,
      warn: (message) => {
        throw new Error(message);
      },
      writeRequestId: (target, at) => target.set(fromLatin1('00000000-0000-4000-8000-000000000000'), at),
    });
    this.apply(config);
  }

  apply(config: ProxyConfig): void {
    checkConfig(config);
    this.plane.apply(config);
  }

  /** A client of the proxy, or of another address. */
  client(text = '', address: SocketAddress = proxyAddress): Peer {
    const peer = new Peer();
    peer.connection = this.io.connect({ address, tls: undefined, serverName: '', timeoutMs: 1_000 }, peer);
    if (text !== '') peer.send(text);
    this.io.settle();
    return peer;
  }

  /** A server on 127.0.0.1; its connections in order of acceptance. */
  server(port: number, accepted: (peer: Peer) => void = () => {}): Peer[] {
    const peers: Peer[] = [];
    this.io.listen(
      { address: { host: '127.0.0.1', port }, original: false, backlog: 1, reusePort: false },
      {
        onAccept: (connection) => {
          const peer = new Peer();
          peer.connection = connection;
          peers.push(peer);
          accepted(peer);
          connection.startPlain(peer);
        },
        onAcceptError: () => {},
      },
    );
    return peers;
  }

  settle(): this {
    this.io.settle();
    return this;
  }

  advance(ms: number): this {
    this.io.advance(ms);
    return this;
  }

  get lines(): Line[] {
    return this.notes.lines;
  }

  /** Nothing is under way any more: every count is back at zero. */
  isQuiet(t: Test): void {
    this.settle();
    t.equal(this.notes.active, 0, 'connections accepted and closed balance');
    for (const { name, breaker, known } of this.plane.clusters()) {
      t.same([breaker.requests, breaker.pending], [0, 0], `requests of ${name}`);
      t.same(
        known.map(({ active }) => active),
        known.map(() => 0),
        `active of ${name}`,
      );
    }
  }

  /** Ends the proxy: nothing of it may be left, and nothing happens later. */
  closes(t: Test): void {
    this.plane.close();
    this.isQuiet(t);
    const { length } = this.lines;
    this.advance(1_000_000);
    t.equal(this.lines.length, length, 'no timer is left that tells something');
    for (const { name, breaker } of this.plane.clusters()) t.equal(breaker.connections, 0, `connections of ${name}`);
  }
}

export const get = 'GET / HTTP/1.1\r\nhost: server.test\r\n\r\n';
export const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A POST with a body of `length` bytes, of which `body` is sent. */
export function post(body: string, length = body.length): string {
  return `POST / HTTP/1.1\r\nhost: server.test\r\ncontent-length: ${length}\r\n\r\n${body}`;
}

/** Answers each whole request head with the next text; the last serves all further ones. */
export function answering(...texts: string[]): (peer: Peer) => void {
  let served = 0;
  return (peer) => {
    let seen = 0;
    peer.onText = (all) => {
      for (let heads = all.split('\r\n\r\n').length - 1; seen < heads; seen++)
        peer.send(texts[Math.min(served++, texts.length - 1)]);
    };
  };
}
