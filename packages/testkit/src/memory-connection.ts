/**
 * One end of a connection in memory. What a kernel holds for the reader is `arrived`, bounded; what the writer holds beyond it is `held`. Methods only move bytes
 * and mark ends as ready; handlers are called from `turn` alone.
 */
import {
  type Connection,
  type ConnectionHandler,
  formatAddress,
  type IoError,
  IoFailure,
  type PeerCertificate,
  type Sniffer,
  type SocketAddress,
  type Timer,
} from '@tulle/proxy-core/internal';

type State = 'accepted' | 'sniffing' | 'starting' | 'connecting' | 'open' | 'closed';

/** What an end needs of its network. */
export interface MemoryNetwork {
  readonly kernelBufferBytes: number;
  readonly highWaterBytes: number;
  /** `turn` of that end is called in the next turn of the loop. */
  ready(end: MemoryConnection): void;
  /** Finds whom a connecting end reaches. */
  dial(end: MemoryConnection): void;
  disarm(timer: Timer): void;
  forget(end: MemoryConnection): void;
}

const nobody: ConnectionHandler = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

export class MemoryConnection implements Connection {
  handler: ConnectionHandler = nobody;
  readonly id: number;
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  readonly destination: SocketAddress;
  readonly peer: PeerCertificate | undefined = undefined;
  readonly alpn: string = '';
  readonly isTls: boolean = false;
  bytesRead = 0;
  bytesWritten = 0;

  /** @internal The other end; undefined while connecting and once that one is gone. */
  other: MemoryConnection | undefined = undefined;
  /** @internal Connecting only. */
  deadline: Timer | undefined = undefined;
  /** @internal Bytes that this end may still send before the fault of its route strikes. */
  sendableBytes: number = Number.POSITIVE_INFINITY;

  private readonly network: MemoryNetwork;
  private state: State = 'accepted';
  private sniffer: Sniffer | undefined = undefined;
  private sniffedBytes = 0;
  /** The sniffer knows that no more comes. */
  private sniffEnded = false;

  private arrived: Uint8Array[] = [];
  private arrivedBytes = 0;
  private finArrived = false;
  private endTold = false;
  private paused = false;
  /** How it breaks; `afterBytes`: what has arrived is read first. */
  private broken: { readonly error: IoError; readonly afterBytes: boolean } | undefined = undefined;

  private held: Uint8Array[] = [];
  bytesHeld = 0;
  private writeEnded = false;
  private finSent = false;
  private awaitsDrain = false;
  /** Bytes that the other end's kernel has. */
  private carriedBytes = 0;
  private markedAt = 0;

  constructor(
    id: number,
    network: MemoryNetwork,
    local: SocketAddress,
    remote: SocketAddress,
    destination: SocketAddress,
  ) {
    this.id = id;
    this.network = network;
    this.local = local;
    this.remote = remote;
    this.destination = destination;
  }

  /** @internal */
  get closed(): boolean {
    return this.state === 'closed';
  }

  /** @internal */
  connecting(handler: ConnectionHandler): void {
    this.handler = handler;
    this.state = 'connecting';
    this.network.ready(this);
  }

  /** @internal The dialled listener accepted. */
  connected(other: MemoryConnection): void {
    this.other = other;
    this.startingToOpen();
  }

  /** @internal The end is lost with an error, told in its next turn. */
  fail(error: IoError, afterBytes = false): void {
    if (this.state === 'closed' || this.broken !== undefined) return;
    this.broken = { error, afterBytes };
    this.network.ready(this);
  }

  sniff(sniffer: Sniffer): void {
    if (this.state !== 'accepted') return;
    this.state = 'sniffing';
    this.sniffer = sniffer;
    this.network.ready(this);
  }

  startPlain(handler: ConnectionHandler): void {
    if (this.state !== 'accepted' && this.state !== 'sniffing') return;
    this.handler = handler;
    this.startingToOpen();
  }

  startTls(): void {
    throw new IoFailure({ code: 'tls', message: 'the memory engine speaks no TLS' });
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.writeEnded || this.state === 'closed') return true;
    this.bytesWritten += end - start;
    this.held.push(Buffer.from(bytes.subarray(start, end)));
    this.bytesHeld += end - start;
    this.carry();
    if (this.bytesHeld < this.network.highWaterBytes) return true;
    this.awaitsDrain = true;
    return false;
  }

  end(): void {
    if (this.writeEnded || this.state === 'closed') return;
    this.writeEnded = true;
    this.carry();
  }

  destroy(reset: boolean): void {
    if (this.state === 'closed') return;
    const { other } = this;
    // As a kernel does: closing over unread bytes is a reset.
    const asReset = reset || this.arrivedBytes > 0;
    this.finish();
    if (other === undefined) return;
    other.other = undefined;
    if (asReset) other.fail(this.brokenBy('reset by the peer', other));
    else other.receiveEnd();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.network.ready(this);
  }

  mark(): void {
    this.markedAt = this.bytesWritten;
  }

  undelivered(): boolean {
    return this.carriedBytes <= this.markedAt;
  }

  /** @internal Tells what there is to tell; called by the loop only. */
  turn(): void {
    if (this.state === 'connecting' && this.broken === undefined) this.network.dial(this);
    else if (this.state === 'sniffing') this.turnSniffing();
    else if (this.state !== 'closed' && this.state !== 'accepted') this.turnOpen();
  }

  private turnSniffing(): void {
    if (this.broken === undefined && this.arrivedBytes > this.sniffedBytes) {
      this.sniffedBytes = this.arrivedBytes;
      const seen = concat(this.arrived, this.arrivedBytes);
      this.arrived = [seen];
      this.sniffer?.onSniff(this, seen, 0, seen.length);
    }
    if (this.state !== 'sniffing') return;
    if (this.broken !== undefined) {
      const { error } = this.broken;
      this.finish();
      this.sniffer?.onClose(this, error);
    } else if (this.finArrived && !this.sniffEnded) {
      this.sniffEnded = true;
      this.sniffer?.onEnd(this);
    }
  }

  private turnOpen(): void {
    if (this.broken !== undefined && (!this.broken.afterBytes || this.arrivedBytes === 0)) {
      const { error } = this.broken;
      this.finish();
      this.handler.onClose(this, error);
      return;
    }
    if (this.state === 'starting') {
      this.state = 'open';
      if (this.deadline !== undefined) this.network.disarm(this.deadline);
      this.carry();
      this.handler.onOpen(this);
    }
    this.tellDrain();
    this.tellBytes();
    this.tellEnd();
    if (this.mayTell() && this.endTold && this.finSent) {
      this.finish();
      this.handler.onClose(this, undefined);
    }
  }

  private tellDrain(): void {
    if (this.state !== 'open' || !this.awaitsDrain || this.bytesHeld > 0) return;
    this.awaitsDrain = false;
    this.handler.onDrain(this);
  }

  private tellBytes(): void {
    if (!this.mayTell() || this.arrivedBytes === 0) return;
    const bytes = concat(this.arrived, this.arrivedBytes);
    this.arrived = [];
    this.arrivedBytes = 0;
    this.bytesRead += bytes.length;
    // Space for what the other end holds.
    this.other?.carry();
    if (this.broken !== undefined) this.network.ready(this);
    this.handler.onData(this, bytes, 0, bytes.length);
  }

  private tellEnd(): void {
    if (!this.mayTell() || this.endTold || !this.finArrived || this.arrivedBytes > 0 || this.broken !== undefined)
      return;
    this.endTold = true;
    this.handler.onEnd(this);
  }

  private mayTell(): boolean {
    return this.state === 'open' && !this.paused;
  }

  private startingToOpen(): void {
    this.state = 'starting';
    this.network.ready(this);
  }

  /** Moves held bytes to the other kernel as far as it has space, and the end behind them. */
  private carry(): void {
    const { other } = this;
    if (this.state !== 'open' || this.finSent) return;
    if (other === undefined) {
      // The other process is gone: its kernel answers bytes with a reset.
      if (this.bytesHeld > 0) this.fail(this.brokenBy('nobody there any more', this));
      else this.sendEnd();
      return;
    }
    while (this.bytesHeld > 0) {
      const [first] = this.held;
      const length = Math.min(first.length, other.spaceBytes(), this.sendableBytes);
      if (length === 0) break;
      other.receive(first.subarray(0, length));
      if (length === first.length) this.held.shift();
      else this.held[0] = first.subarray(length);
      this.bytesHeld -= length;
      this.carriedBytes += length;
      this.sendableBytes -= length;
    }
    if (this.sendableBytes === 0) this.strike(other);
    else this.sendEnd();
    if (this.bytesHeld === 0 && this.awaitsDrain) this.network.ready(this);
  }

  private sendEnd(): void {
    if (!this.writeEnded || this.bytesHeld > 0) return;
    this.finSent = true;
    this.other?.receiveEnd();
    this.network.ready(this);
  }

  /** The route breaks: whoever reads gets what has arrived first, as the fault promises. */
  private strike(other: MemoryConnection): void {
    other.fail(this.brokenBy('broken by the route', other), true);
    this.fail(this.brokenBy('broken by the route', this));
  }

  private brokenBy(why: string, end: MemoryConnection): IoError {
    return { code: 'reset', message: `connection ${formatAddress(end.remote)}: ${why}` };
  }

  private spaceBytes(): number {
    return Math.max(0, this.network.kernelBufferBytes - this.arrivedBytes);
  }

  private receive(bytes: Uint8Array): void {
    this.arrived.push(bytes);
    this.arrivedBytes += bytes.length;
    this.network.ready(this);
  }

  private receiveEnd(): void {
    this.finArrived = true;
    this.network.ready(this);
  }

  private finish(): void {
    this.state = 'closed';
    this.held = [];
    this.bytesHeld = 0;
    this.arrived = [];
    this.arrivedBytes = 0;
    if (this.deadline !== undefined) this.network.disarm(this.deadline);
    this.network.forget(this);
  }
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
