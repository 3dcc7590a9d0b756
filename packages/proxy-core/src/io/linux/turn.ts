/** What the connections of one thread share, and the list of those to come back to. */
import type { TimerWheel } from '../../time/wheel.js';
import { SlabPool } from './send-queue.js';
import { AddressCache, addressOf } from './sys/memory.js';

/** One receive buffer a thread, four TLS records: what a connection has read is gone from it before the next one reads. */
const receiveBytes = 65_536;

/** What a turn needs of a connection. */
export interface TurnMember {
  readonly fd: number;
  /** In the list to come back to; the turn's own. */
  queued: boolean;
  /** Does what can be done now. `events` are those of epoll, 0 when the turn comes back. */
  progress(events: number): void;
}

export class Turn {
  /** Counts the turns of the loop. */
  number = 0;
  readonly timers: TimerWheel;
  readonly highWaterBytes: number;
  readonly slabs: SlabPool = new SlabPool();
  readonly addresses: AddressCache = new AddressCache();
  readonly buffer: Uint8Array = new Uint8Array(receiveBytes);
  readonly bufferAddress: number = addressOf(this.buffer);
  private readonly forgetMember: (member: TurnMember) => void;
  private now: TurnMember[] = [];
  private next: TurnMember[] = [];

  constructor(timers: TimerWheel, highWaterBytes: number, forgetMember: (member: TurnMember) => void) {
    this.timers = timers;
    this.highWaterBytes = highWaterBytes;
    this.forgetMember = forgetMember;
  }

  /** Something is left to do for the connection in this turn. */
  comeBack(member: TurnMember): void {
    if (member.queued) return;
    member.queued = true;
    this.now.push(member);
  }

  /** The connection has had its share of this turn. */
  comeBackNextTurn(member: TurnMember): void {
    if (member.queued) return;
    member.queued = true;
    this.next.push(member);
  }

  /** The connection closed: its descriptor is to be given back. */
  forget(member: TurnMember): void {
    this.forgetMember(member);
  }

  /** Whether a turn has work without any event. */
  get isDue(): boolean {
    return this.now.length > 0 || this.next.length > 0;
  }

  /** Comes back to all that asked for it, and to those that ask meanwhile. */
  progressAll(): void {
    const { now } = this;
    for (let i = 0; i < now.length; i++) {
      const member = now[i];
      member.queued = false;
      member.progress(0);
    }
    now.length = 0;
    this.now = this.next;
    this.next = now;
  }
}
