/**
 * The timer wheel of both engines and of the virtual clock: `slotCount` lists of `slotMs` each, intrusive, so that arming allocates nothing.
 *
 * A timer rests in a slot that comes round no later than its deadline; what matters is checked when the slot is visited: due, it fires; not due
 * (armed again meanwhile, or further than one round away), it moves to a later slot. Hence re-arming to a later time is one store.
 */
import type { Timer, TimerWheel } from './wheel.js';

/**
 * 4 ms: the timeouts of a proxy are tens of milliseconds to minutes, and one garbage collection disturbs them as much; a busy wheel wakes its thread at
 * most 250 times a second, and an idle one not at all.
 */
export const slotMs = 4;
/** 16.4 s a round, in which nearly every timeout of a request fits without being moved; 32 KiB of pointers. A power of two. */
const slotCount = 4096;
const slotMask = slotCount - 1;
/**
 * Timers beyond a round (idle timeouts, of which there is one a connection) wait together in every 1024th slot, so that thousands of them wake the
 * thread once in four seconds and not once each.
 */
const gatheringSlots = 1024;
/** List of the timers whose slot is being visited, behind the slots proper. */
const visited = slotCount;

/** A wheel with its driver's side. */
export interface DrivenTimerWheel extends TimerWheel {
  /**
   * Fires what is due at `nowMs` (ms on the clock of `now`; a value before an earlier one does nothing). Slots fire in order of time, timers within a slot in any
   * order. Timers may arm and disarm any timer while firing; one armed with delay 0 fires at the next slot, never in the same call twice.
   * An error thrown by a timer leaves the rest for the next call. Must not be called from a timer.
   */
  advance(nowMs: number): void;
  /** When to call `advance` next, at the latest: no timer is due before, though none need be due then. Infinity when none is armed. */
  nextDeadlineMs(): number;
}

/** `now` gives monotonic milliseconds: the time that delays are counted from. An engine may hand in one value a turn of its loop. */
export function createTimerWheel(now: () => number): DrivenTimerWheel {
  return new HashedWheel(now);
}

class HashedWheel implements DrivenTimerWheel {
  private readonly now: () => number;
  /** Ticks are counted from here, so that they stay small integers. */
  private readonly originMs: number;
  private readonly heads: (Timer | undefined)[] = new Array<Timer | undefined>(slotCount + 1).fill(undefined);
  /** The last tick whose slot was visited; every timer is in the slot of a later one. */
  private tick = 0;
  /** No slot before that of this tick holds a timer. */
  private nextTick = Number.POSITIVE_INFINITY;
  private count = 0;

  constructor(now: () => number) {
    this.now = now;
    this.originMs = now();
  }

  arm(timer: Timer, delayMs: number): void {
    const deadlineMs = this.now() + (Number.isNaN(delayMs) ? 0 : Math.max(delayMs, 0));
    timer.deadlineMs = deadlineMs;
    const { slot } = timer;
    if (slot !== -1) {
      if (slot === visited) return; // its turn is coming in this very call
      const visit = this.tick + 1 + ((slot - this.tick - 1) & slotMask);
      if (visit <= Math.ceil((deadlineMs - this.originMs) / slotMs)) return;
      this.unlink(timer);
    }
    this.link(timer);
  }

  disarm(timer: Timer): void {
    timer.deadlineMs = 0;
    if (timer.slot !== -1) this.unlink(timer);
  }

  advance(nowMs: number): void {
    const target = Math.floor((nowMs - this.originMs) / slotMs);
    if (this.heads[visited] !== undefined) this.fire(nowMs);
    if (target <= this.tick) return;
    if (target < this.nextTick) {
      this.tick = target;
      return;
    }
    // After a jump of more than a round each slot is visited once.
    this.tick = Math.max(this.nextTick - 1, this.tick, target - slotCount);
    while (this.tick < target && this.count > 0) {
      this.tick++;
      const slot = this.tick & slotMask;
      const first = this.heads[slot];
      if (first === undefined) continue;
      this.heads[slot] = undefined;
      this.heads[visited] = first;
      for (let timer: Timer | undefined = first; timer !== undefined; timer = timer.next) timer.slot = visited;
      // Kept right even when a timer throws.
      this.nextTick = this.tick + 1;
      this.fire(nowMs);
    }
    this.tick = target;
    this.findNext();
  }

  nextDeadlineMs(): number {
    // Disarming leaves `nextTick` alone: a wake-up too many is cheaper than a search at each disarming.
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.originMs + this.nextTick * slotMs;
  }

  private fire(nowMs: number): void {
    for (let timer = this.heads[visited]; timer !== undefined; timer = this.heads[visited]) {
      this.unlink(timer);
      if (timer.deadlineMs > nowMs) {
        this.link(timer);
      } else {
        timer.deadlineMs = 0;
        timer.owner.onTimer(timer, nowMs);
      }
    }
  }

  private findNext(): void {
    if (this.count === 0) {
      this.nextTick = Number.POSITIVE_INFINITY;
      return;
    }
    let tick = this.tick + 1;
    while (this.heads[tick & slotMask] === undefined) tick++;
    this.nextTick = tick;
  }

  private link(timer: Timer): void {
    // Rounded up: the slot's time is not before the deadline.
    let tick = Math.ceil((timer.deadlineMs - this.originMs) / slotMs);
    const last = this.tick + slotCount;
    if (tick <= this.tick) tick = this.tick + 1;
    else if (tick > last) tick = last - (last & (gatheringSlots - 1));
    if (tick < this.nextTick) this.nextTick = tick;
    const slot = tick & slotMask;
    const head = this.heads[slot];
    timer.slot = slot;
    timer.next = head;
    if (head !== undefined) head.previous = timer;
    this.heads[slot] = timer;
    this.count++;
  }

  private unlink(timer: Timer): void {
    const { next, previous } = timer;
    if (next !== undefined) next.previous = previous;
    if (previous !== undefined) previous.next = next;
    else this.heads[timer.slot] = next;
    timer.slot = -1;
    timer.next = undefined;
    timer.previous = undefined;
    this.count--;
  }
}
