/**
 * What one connection receives: read as long as there is something, its owner wants it, and the other connections of the thread need not wait too long.
 *
 *     reading ──FIN, or close_notify──▶ ended
 *        │ ▲
 *        ▼ │ resume; the next turn
 *     paused, or had its share of this turn: what has arrived stays in the kernel, or inside OpenSSL
 */
import type { Connection, IoError } from '../io.js';
import type { Channel } from './channel.js';
import { ended, failed } from './sys/outcome.js';
import { receive } from './sys/stream.js';
import type { Turn, TurnMember } from './turn.js';

/** Buffers read from one connection in one turn, before the others have theirs. */
const readsPerTurn = 4;

/** Whose handler hears of what arrives. */
export interface Reader extends Connection, TurnMember {
  /** It may still hear of something; a handler may close it at any time. */
  readonly isOpen: boolean;
}

export class Incoming {
  /** Application bytes that the handler was given. */
  bytesRead = 0;
  paused = false;
  /** The end was told. */
  ended = false;
  private readonly turn: Turn;
  private readonly channel: Channel;
  private readonly reader: Reader;
  /** Reads done in turn number `budgetTurn`. */
  private reads = 0;
  private budgetTurn = -1;

  constructor(turn: Turn, channel: Channel, reader: Reader) {
    this.turn = turn;
    this.channel = channel;
    this.reader = reader;
  }

  /** Something may be there, and it is wanted. */
  get isDue(): boolean {
    return this.channel.readable && !this.paused;
  }

  /** Reads what is due and tells it. Gives the error when the connection is lost. */
  readMore(): IoError | undefined {
    const { turn, channel, reader } = this;
    const { session } = channel;
    if (this.budgetTurn !== turn.number) {
      this.budgetTurn = turn.number;
      this.reads = 0;
    }
    while (channel.readable && !this.paused && reader.isOpen) {
      if (this.reads >= readsPerTurn) {
        turn.comeBackNextTurn(reader);
        return undefined;
      }
      this.reads++;
      const size = turn.buffer.length;
      const count =
        session === undefined
          ? receive(channel.fd, turn.bufferAddress, size)
          : session.read(turn.bufferAddress, size, channel.edges);
      if (count > 0) {
        // Fewer bytes than there was room for: the socket is empty, epoll(7), and what comes next makes an edge.
        if (!channel.readToEnd && (session === undefined ? count < size : session.isDrained(channel.edges)))
          channel.readable = false;
        this.bytesRead += count;
        reader.handler.onData(reader, turn.buffer, 0, count);
      } else {
        channel.readable = false;
        if (count === ended) this.sawEnd();
        else if (count === failed) return this.readFailed();
      }
    }
    return undefined;
  }

  private sawEnd(): void {
    const { channel, reader } = this;
    // When a failed send has taken the RST's error off the socket, this is no FIN.
    if (this.ended || channel.broken?.code === 'reset') return;
    this.ended = true;
    if (channel.session === undefined) channel.finSeen = true;
    reader.handler.onEnd(reader);
  }

  private readFailed(): IoError {
    const { channel } = this;
    // Also where an error is known: whether a FIN came is learnt on the way.
    const error = channel.lastError('recv');
    channel.errored = false;
    return channel.broken ?? error;
  }
}
