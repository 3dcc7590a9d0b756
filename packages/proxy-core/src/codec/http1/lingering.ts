/**
 * How long a connection that has said its last word waits for its client. Closing while the client still sends would reset the connection, and a reset can overtake
 * the answer (RFC 9112 section 9.6); closing while part of the answer is still held here would cut it. Pure: the time and what is held come in.
 */
import type { Limits } from '../../limits.js';

export class Lingering {
  private readonly limits: Pick<Limits, 'streamIdleTimeoutMs'>;
  private heldBytes: number;
  private movedMs: number;

  constructor(limits: Pick<Limits, 'streamIdleTimeoutMs'>, heldBytes: number, nowMs: number) {
    this.limits = limits;
    this.heldBytes = heldBytes;
    this.movedMs = nowMs;
  }

  /** Asked every `lingerTimeoutMs`: `close` once all was sent a whole period ago, `reset` when the client has stopped reading, so that it sees a truncated answer. */
  decide(heldBytes: number, nowMs: number): 'wait' | 'close' | 'reset' {
    if (heldBytes === 0 && this.heldBytes === 0) return 'close';
    if (heldBytes < this.heldBytes) this.movedMs = nowMs;
    this.heldBytes = heldBytes;
    return heldBytes > 0 && nowMs - this.movedMs >= this.limits.streamIdleTimeoutMs ? 'reset' : 'wait';
  }
}
