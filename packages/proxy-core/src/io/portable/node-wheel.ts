import { createTimerWheel, type DrivenTimerWheel } from '../../time/hashed-wheel.js';
import type { Timer, TimerWheel } from '../../time/wheel.js';

/** A wheel turned by one timer of node's, set to the next deadline. It never keeps the process alive by itself. */
export class NodeDrivenWheel implements TimerWheel {
  private readonly now: () => number;
  private readonly wheel: DrivenTimerWheel;
  private timeout: NodeJS.Timeout | undefined = undefined;
  /** What `timeout` is set to. */
  private wakeMs = Number.POSITIVE_INFINITY;
  private readonly onTimeout = (): void => {
    this.timeout = undefined;
    this.wakeMs = Number.POSITIVE_INFINITY;
    try {
      this.wheel.advance(this.now());
    } finally {
      this.schedule();
    }
  };

  constructor(now: () => number) {
    this.now = now;
    this.wheel = createTimerWheel(now);
  }

  arm(timer: Timer, delayMs: number): void {
    this.wheel.arm(timer, delayMs);
    this.schedule();
  }

  disarm(timer: Timer): void {
    this.wheel.disarm(timer);
  }

  close(): void {
    clearTimeout(this.timeout);
    this.wakeMs = Number.NEGATIVE_INFINITY;
  }

  private schedule(): void {
    const nextMs = this.wheel.nextDeadlineMs();
    if (nextMs >= this.wakeMs) return;
    clearTimeout(this.timeout);
    this.wakeMs = nextMs;
    // Rounded up: a wake-up before the slot would find nothing to do.
    this.timeout = setTimeout(this.onTimeout, Math.max(1, Math.ceil(nextMs - this.now()))).unref();
  }
}
