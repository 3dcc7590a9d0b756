/**
 * One filter at run time: calls it, measures it, and switches it off when it does too much harm.
 *
 *     on ──maxFaults faults within faultWindowMs, and half of the calls──▶ off      (for good: until its configuration changes)
 *
 * A fault is a call that throws, returns a promise, or takes longer than the budget. What a call did that was merely slow stands; of a call that failed nothing does.
 */
import type { FilterConfig } from '../config/config.js';
import type { FilterModule } from './filter.js';

export type Hook = 'onRequest' | 'onResponse';
export type Fault = 'error' | 'over-budget';

/** Where the figures of a filter go (stage observe). */
export interface FilterMeter {
  called(hook: Hook, seconds: number, fault: Fault | undefined): void;
  /** It is called as configured, or is not configured any more. */
  notSwitchedOff(): void;
  switchedOff(): void;
}

export interface FilterServices {
  readonly nowMs: () => number;
  readonly warn: (message: string) => void;
}

/** A call that costs this much at 1,000 requests a second takes the whole thread: far above what a look at some fields takes, and above a pause of the garbage collector. */
export const defaultBudgetMs = 1;
/** One bad minute's worth: single slow calls happen on any busy machine. */
export const defaultMaxFaults = 100;
/** Faults are counted over this long, and one sentence is said about errors. */
export const faultWindowMs = 60_000;
/**
 * Share of the calls that faults must have too. A thread that has to share its CPU is late now and then, and requests can be made that a filter stumbles over: neither may
 * take it away from everybody else.
 */
export const faultShare = 0.5;

export class RunningFilter {
  readonly config: FilterConfig;
  private readonly filter: FilterModule;
  private readonly services: FilterServices;
  private readonly meter: FilterMeter;
  private state: 'on' | 'off' = 'on';
  private windowStartMs = Number.NEGATIVE_INFINITY;
  private calls = 0;
  private faults = 0;
  private isTold = false;

  constructor(config: FilterConfig, filter: FilterModule, services: FilterServices, meter: FilterMeter) {
    this.config = config;
    this.filter = filter;
    this.services = services;
    this.meter = meter;
  }

  /** It is configured from now on, or no more. */
  settle(): void {
    this.meter.notSwitchedOff();
  }

  has(hook: Hook): boolean {
    return this.filter[hook] !== undefined;
  }

  get failsOpen(): boolean {
    return this.config.onFault === 'open';
  }

  /** `ran`: what it did stands. `skipped`: go on as if it had not been called. `refused`: the message must not pass. */
  call<T>(hook: Hook, message: T): 'ran' | 'skipped' | 'refused' {
    const without = this.failsOpen ? 'skipped' : 'refused';
    if (this.state === 'off') return without;
    const hooked = this.filter[hook] as ((message: T, options: unknown) => unknown) | undefined;
    if (hooked === undefined) return 'ran';
    const { services } = this;
    const startMs = services.nowMs();
    let problem = '';
    try {
      const returned = hooked.call(this.filter, message, this.config.options);
      if (isPromise(returned)) problem = 'returned a promise; a filter cannot wait';
    } catch (error) {
      problem = `threw ${describe(error)}`;
    }
    const endMs = services.nowMs();
    const tookMs = endMs - startMs;
    const isLate = tookMs > (this.config.budgetMs ?? defaultBudgetMs);
    const fault = problem !== '' ? 'error' : isLate ? 'over-budget' : undefined;
    this.meter.called(hook, tookMs / 1000, fault);
    this.count(endMs);
    if (problem !== '') this.tell(`${hook} ${problem}`);
    if (fault !== undefined) this.fault(`${hook} ${problem || `took ${tookMs.toFixed(3)} ms`}`);
    return problem === '' ? 'ran' : without;
  }

  private count(nowMs: number): void {
    if (nowMs - this.windowStartMs >= faultWindowMs) {
      this.windowStartMs = nowMs;
      this.calls = 0;
      this.faults = 0;
      this.isTold = false;
    }
    this.calls++;
  }

  /** Errors are said; late calls are counted, since single ones happen. */
  private tell(what: string): void {
    if (this.isTold) return;
    this.isTold = true;
    this.services.warn(`filter ${this.config.name}: ${what}`);
  }

  private fault(what: string): void {
    const { name, maxFaults = defaultMaxFaults } = this.config;
    this.faults++;
    if (this.faults < maxFaults || this.faults < this.calls * faultShare) return;
    this.state = 'off';
    this.meter.switchedOff();
    const consequence = this.failsOpen ? 'requests pass without it' : 'requests are refused';
    this.services.warn(
      `filter ${name} is switched off after ${this.faults} faults in ${this.calls} calls within ${faultWindowMs / 1000} s, the last: ${what}; ${consequence} until its configuration changes`,
    );
  }
}

/** Whatever was thrown: what has no text, or throws when asked for it, must not come up in place of it. */
function describe(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'what cannot be told';
  }
}

function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false;
  // Whatever becomes of it is nobody's business any more, least of all the process's.
  if (value instanceof Promise) value.catch(() => {});
  return true;
}
