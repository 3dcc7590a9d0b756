/**
 * Timers of one data thread: a hashed wheel (Varghese and Lauck, 1987) with lazy re-arming. Arming a timer that is armed already only writes its deadline,
 * so an exchange may arm several without cost; the wheel looks at the deadline when the old slot comes round. Pure: time is a parameter of `advance`.
 */

/** Called when a timer is due, from `advance`. */
export interface TimerOwner {
  onTimer(timer: Timer, nowMs: number): void;
}

/** One reusable timer, made once with its owner and armed many times. `kind` tells an owner's timers apart. */
export class Timer {
  readonly owner: TimerOwner;
  readonly kind: string;
  /** Monotonic ms; 0 while disarmed. */
  deadlineMs = 0;
  /** @internal slot of the wheel that holds it, -1: none */
  slot = -1;
  /** @internal neighbours in the slot's list */
  next: Timer | undefined = undefined;
  previous: Timer | undefined = undefined;

  constructor(owner: TimerOwner, kind: string) {
    this.owner = owner;
    this.kind = kind;
  }
}

/** Contract of the wheel; the resolution is that of its slots, a timer never fires early. */
export interface TimerWheel {
  /** Fires once at `nowMs + delayMs` or up to one slot later. Re-arming replaces the deadline. */
  arm(timer: Timer, delayMs: number): void;
  disarm(timer: Timer): void;
}
