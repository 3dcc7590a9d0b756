/** What the connections of one thread share, and the list of those to come back to. */
import type { TimerWheel } from '../../time/wheel.js';
import type { LinuxConnection } from './connection.js';
import { SlabPool } from './send-queue.js';
import { AddressCache, addressOf } from './sys/memory.js';

/** One receive buffer a thread, four TLS records: what a connection has read is gone from it before the next one reads. */
const receiveBytes = 65_536;

export class Turn {
  /** Counts the turns of the loop. */
  number = 0;
  readonly timers: TimerWheel;
  readonly highWaterBytes: number;
  readonly slabs: SlabPool = new SlabPool();
  readonly addresses: AddressCache = new AddressCache();
  readonly buffer: Uint8Array = new Uint8Array(receiveBytes);
  readonly bufferAddress: number = addressOf(this.buffer);
  private readonly forgetConnection: (connection: LinuxConnection) => void;
  private now: LinuxConnection[] = [];
  private next: LinuxConnection[] = [];

  constructor(timers: TimerWheel, highWaterBytes: number, forgetConnection: (connection: LinuxConnection) => void) {
    this.timers = timers;
    this.highWaterBytes = highWaterBytes;
    this.forgetConnection = forgetConnection;
  }

  /** Something is left to do for the connection in this turn. */
  comeBack(connection: LinuxConnection): void {
    if (connection.queued) return;
    connection.queued = true;
    this.now.push(connection);
  }

  /** The connection has had its share of this turn. */
  comeBackNextTurn(connection: LinuxConnection): void {
    if (connection.queued) return;
    connection.queued = true;
    this.next.push(connection);
  }

  /** The connection closed: its descriptor is to be given back. */
  forget(connection: LinuxConnection): void {
    this.forgetConnection(connection);
  }

  /** Whether a turn has work without any event. */
  get isDue(): boolean {
    return this.now.length > 0 || this.next.length > 0;
  }

  /** Comes back to all that asked for it, and to those that ask meanwhile. */
  progressAll(): void {
    const { now } = this;
    for (let i = 0; i < now.length; i++) {
      const connection = now[i];
      connection.queued = false;
      connection.progress(0);
    }
    now.length = 0;
    this.now = this.next;
    this.next = now;
  }
}
