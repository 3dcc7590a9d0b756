/** A connection and an `Io` without sockets, for one codec at a time: what is written is text to compare, what happens is called by the test. */
import type { SocketAddress } from '../../src/address.js';
import type { Connection, ConnectionHandler, ConnectOptions, Io, IoError, PeerCertificate } from '../../src/io/io.js';
import { createTimerWheel, type DrivenTimerWheel } from '../../src/time/hashed-wheel.js';

const nobody: ConnectionHandler = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

export class Wire implements Connection {
  handler: ConnectionHandler = nobody;
  readonly id = 1;
  readonly remote: SocketAddress = { host: '10.0.0.2', port: 80 };
  readonly local: SocketAddress = { host: '10.0.0.1', port: 40_000 };
  readonly destination: SocketAddress = { host: '10.0.0.1', port: 80 };
  peer: PeerCertificate | undefined = undefined;
  readonly alpn = '';
  isTls = false;
  bytesRead = 0;
  bytesWritten = 0;
  bytesHeld = 0;

  /** Each write as one text; `>` behind it stands for `more`. */
  writes: string[] = [];
  state: 'open' | 'ended' | 'destroyed' | 'reset' = 'open';
  paused = false;
  /** `write` returns false. */
  full = false;
  isUndelivered = false;
  marks = 0;

  sniff(): void {}
  startPlain(): void {}
  startTls(): void {}

  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean {
    if (this.state === 'open') this.writes.push(String.fromCharCode(...bytes.subarray(start, end)) + (more ? '>' : ''));
    return !this.full;
  }

  end(): void {
    if (this.state === 'open') this.state = 'ended';
  }

  destroy(reset: boolean): void {
    this.state = reset ? 'reset' : 'destroyed';
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  mark(): void {
    this.marks++;
  }

  undelivered(): boolean {
    return this.isUndelivered;
  }

  /** All that was written since the last call, joined. */
  take(): string {
    const text = this.writes.map((write) => write.replace(/>$/, '')).join('');
    this.writes = [];
    return text;
  }

  // What the peer does.

  receive(text: string): void {
    if (this.paused) throw new Error('bytes while paused: an engine does not do that');
    // A buffer of the engine's own, which it overwrites behind the call.
    const bytes = Uint8Array.from(`..${text}..`, (character) => character.charCodeAt(0));
    this.bytesRead += text.length;
    this.handler.onData(this, bytes, 2, bytes.length - 2);
    bytes.fill(0x21);
  }

  peerEnds(): void {
    this.handler.onEnd(this);
  }

  peerResets(): void {
    this.state = 'destroyed';
    this.handler.onClose(this, { code: 'reset', message: 'reset by the peer' });
  }

  closesInOrder(): void {
    this.state = 'destroyed';
    this.handler.onClose(this, undefined);
  }

  failsToOpen(error: IoError): void {
    this.state = 'destroyed';
    this.handler.onClose(this, error);
  }

  drains(): void {
    this.full = false;
    this.handler.onDrain(this);
  }
}

export class WireIo implements Io {
  engine: Io['engine'] = 'memory';
  private now = 1_000;
  readonly clock = { nowMs: (): number => this.now, turnMs: (): number => this.now, wallMs: (): number => this.now };
  readonly timers: DrivenTimerWheel = createTimerWheel(() => this.now);
  readonly wires: Wire[] = [];
  private ends: (() => void)[] = [];

  random(): number {
    return 0.5;
  }

  listen(): never {
    throw new Error('not here');
  }

  tlsContext(): never {
    throw new Error('not here');
  }

  connect(_options: ConnectOptions, handler: ConnectionHandler): Connection {
    const wire = new Wire();
    wire.handler = handler;
    this.wires.push(wire);
    return wire;
  }

  atTurnEnd(callback: () => void): void {
    this.ends.push(callback);
  }

  /** Ends this turn of the loop. */
  turn(): void {
    const { ends } = this;
    this.ends = [];
    for (const callback of ends) callback();
  }

  advance(ms: number): void {
    this.now += ms;
    this.timers.advance(this.now);
  }
}
