/**
 * What one connection sends: to the kernel as long as it takes it, held otherwise.
 *
 *     holding ──open──▶ flowing ──end was called and nothing is held──▶ close_notify (TLS) ──▶ FIN ──▶ ended
 *
 *     while flowing:  write ──▶ sent
 *                       │        ▲
 *                       ├─ more ─┼──▶ corked in one slab ── the promised write, or the turn's end ──▶ sent with it
 *                       └─ blocked ─▶ held ── EPOLLOUT ──▶ flushed ──▶ drained, when a write had been answered with false
 *
 * Knows nothing of what arrives. A send that fails breaks the channel, which the connection tells once it has read the rest.
 */
import type { IoError } from '../io.js';
import type { Channel } from './channel.js';
import { SendQueue, slabBytes } from './send-queue.js';
import { failed, wouldBlock } from './sys/outcome.js';
import { bytesAcked, shutdownWrite } from './sys/socket.js';
import { addPiece, maxPieces, transmit, transmitPieces } from './sys/stream.js';
import type { Turn, TurnMember } from './turn.js';

const holding = 0;
const flowing = 1;
const finished = 2;

export class Outgoing {
  /** Application bytes that `write` took. */
  bytesWritten = 0;
  private readonly turn: Turn;
  private readonly channel: Channel;
  private readonly owner: TurnMember;
  private readonly held: SendQueue;
  private state: number = holding;
  /** `end` was called, or the connection is gone: writes go nowhere. */
  private ending = false;
  private owesDrain = false;
  /** Application bytes given to the kernel or to OpenSSL, and whether more was given in an attempt that has not succeeded. */
  private bytesTaken = 0;
  private attempted = false;
  private markedTaken = 0;
  /** Bytes on the wire before the mark; -1: not known. */
  private markedRaw = -1;
  /** Bytes acknowledged before the first of ours: the SYN of a connection that we made counts as one. */
  private readonly ackedBase: number;

  constructor(turn: Turn, channel: Channel, owner: TurnMember, ackedBase: number) {
    this.turn = turn;
    this.channel = channel;
    this.owner = owner;
    this.held = new SendQueue(turn.slabs);
    this.ackedBase = ackedBase;
  }

  get bytesHeld(): number {
    return this.held.bytes;
  }

  /** The FIN was sent, or nothing can be sent any more. */
  get ended(): boolean {
    return this.state === finished;
  }

  /** The connection is open: what is held may go. */
  open(): void {
    this.state = flowing;
  }

  /** `Connection.write`. */
  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new RangeError(`write of [${start}, ${end}) of ${bytes.length} bytes`);
    const size = end - start;
    const { channel, held } = this;
    if (size === 0 || this.ending || channel.broken !== undefined) return true;
    this.bytesWritten += size;
    const address = this.turn.addresses.of(bytes) + start;
    if (this.state !== flowing || channel.blocked) held.append(address, size);
    else if (held.bytes > 0) this.writeBehind(address, size, more);
    else if (more && size <= slabBytes) this.cork(address, size);
    else this.sendNow(address, size, more);
    if (held.bytes < this.turn.highWaterBytes) return true;
    this.owesDrain = true;
    return false;
  }

  /** `Connection.end`: `finishIfDue` does it. */
  end(): void {
    if (this.ending) return;
    this.ending = true;
    this.turn.comeBack(this.owner);
  }

  /** Sends what is held as far as the kernel takes it. True, once, when the owner waits to hear that nothing is held any more. */
  proceed(): boolean {
    if (this.held.bytes > 0 && !this.channel.blocked) this.flush();
    if (!this.owesDrain || this.held.bytes > 0 || this.channel.broken !== undefined) return false;
    this.owesDrain = false;
    return true;
  }

  /** After `end`, and once nothing is held: close_notify and FIN. `peerEnded`: both sides are done then, so that closing sends the FIN. Gives the error if it fails. */
  finishIfDue(peerEnded: boolean): IoError | undefined {
    if (!this.ending || this.state === finished || this.held.bytes > 0) return undefined;
    const { channel } = this;
    const outcome = channel.session?.shutdown();
    if (outcome === wouldBlock) {
      channel.blocked = true;
      return undefined;
    }
    if (outcome === failed) return channel.tlsError();
    this.state = finished;
    if (!peerEnded) shutdownWrite(channel.fd);
    return undefined;
  }

  /** The connection is gone: drops what is held. `undelivered` still answers while the descriptor is open. */
  close(): void {
    this.ending = true;
    this.held.clear();
  }

  /** `Connection.mark`. */
  mark(): void {
    const { session, isTls } = this.channel;
    this.markedTaken = this.bytesWritten;
    if (session === undefined) this.markedRaw = isTls ? -1 : this.bytesWritten;
    else this.markedRaw = this.held.bytes === 0 ? session.rawBytesWritten() : -1;
  }

  /** `Connection.undelivered`. */
  undelivered(): boolean {
    const { channel } = this;
    if (this.bytesTaken <= this.markedTaken && !this.attempted) return true;
    // The acknowledgement inside an RST is not counted by our kernel, so after a bare RST it cannot be known what the peer had read. A FIN's is.
    if (!channel.finSeen || !channel.isHeld || this.markedRaw < 0) return false;
    const acked = bytesAcked(channel.fd);
    return acked >= 0 && acked - this.ackedBase <= this.markedRaw;
  }

  /** Data before it had been corked or is held, and the kernel takes more. */
  private writeBehind(address: number, size: number, more: boolean): void {
    const { channel, held } = this;
    if (size <= held.room) {
      held.append(address, size);
      if (!more) this.flush();
    } else if (channel.session === undefined && held.pieces < maxPieces) {
      this.sendTogether(address, size, more);
    } else {
      const fits = held.room;
      held.append(address, fits);
      this.flush();
      if (channel.blocked || channel.broken !== undefined) held.append(address + fits, size - fits);
      else this.sendNow(address + fits, size - fits, more);
    }
  }

  /** Kept until the write that was promised, so that both go in one call and one record; until the turn's end at the latest. */
  private cork(address: number, size: number): void {
    this.held.append(address, size);
    this.turn.comeBack(this.owner);
  }

  /** What is held and `size` bytes more in one call. */
  private sendTogether(address: number, size: number, more: boolean): void {
    const { channel, held } = this;
    for (let i = 0; i < held.pieces; i++) addPiece(held.pieceAddress(i), held.pieceBytes(i));
    addPiece(address, size);
    const before = held.bytes;
    const taken = this.taken(transmitPieces(channel.fd, more));
    held.consume(Math.min(taken, before));
    const rest = before + size - taken;
    if (rest > 0 && channel.broken === undefined) {
      channel.blocked = true;
      const unsent = Math.min(rest, size);
      held.append(address + size - unsent, unsent);
    }
  }

  private sendNow(address: number, size: number, more: boolean): void {
    const { channel } = this;
    let sent = 0;
    while (sent < size && !channel.blocked && channel.broken === undefined) {
      sent += this.sendOnce(address + sent, size - sent, more);
    }
    if (sent < size && channel.broken === undefined) this.held.append(address + sent, size - sent);
  }

  /** One send: bytes taken; blocks the channel when the kernel takes no more, breaks it when the connection is lost. */
  private sendOnce(address: number, size: number, more: boolean): number {
    const { channel } = this;
    const { session } = channel;
    if (session === undefined) {
      const taken = this.taken(transmit(channel.fd, address, size, more));
      if (taken < size) channel.blocked = true;
      return taken;
    }
    return this.taken(session.write(address, Math.min(size, slabBytes)));
  }

  private taken(outcome: number): number {
    const { channel } = this;
    if (outcome > 0) {
      this.bytesTaken += outcome;
      this.attempted = false;
      return outcome;
    }
    if (outcome === wouldBlock) {
      channel.blocked = true;
      // OpenSSL may have sent a part of the record already.
      this.attempted = channel.session !== undefined;
      return 0;
    }
    this.attempted ||= channel.session !== undefined;
    channel.breakAfterSend();
    this.held.clear();
    this.turn.comeBack(this.owner);
    return 0;
  }

  private flush(): void {
    const { channel, held } = this;
    while (held.bytes > 0 && !channel.blocked && channel.broken === undefined) {
      if (held.pieces === 1 || channel.session !== undefined) {
        held.consume(this.sendOnce(held.pieceAddress(0), held.pieceBytes(0), false));
      } else {
        let size = 0;
        for (let i = 0; i < held.pieces && i < maxPieces; i++) {
          addPiece(held.pieceAddress(i), held.pieceBytes(i));
          size += held.pieceBytes(i);
        }
        const taken = this.taken(transmitPieces(channel.fd, false));
        if (taken < size) channel.blocked = true;
        held.consume(taken);
      }
    }
    if (this.owesDrain && held.bytes === 0) this.turn.comeBack(this.owner);
  }
}
