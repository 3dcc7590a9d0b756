/**
 * One filter at run time: calls it, measures it, and switches it off when it does too much harm.
 *
 *     on ──maxFaults faults within faultWindowMs──▶ off      (for good: until its configuration changes)
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
/** Faults are counted over this long, and one sentence is said about them. */
export const faultWindowMs = 60_000;

export class RunningFilter {
  readonly config: FilterConfig;
  private readonly filter: FilterModule;
  private readonly services: FilterServices;
  private readonly meter: FilterMeter;
  private state: 'on' | 'off' = 'on';
  private windowStartMs = Number.NEGATIVE_INFINITY;
  private faults = 0;

  constructor(config: FilterConfig, filter: FilterModule, services: FilterServices, meter: FilterMeter) {
    this.config = config;
    this.filter = filter;
    this.services = services;
    this.meter = meter;
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
      problem = `threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    }
    const endMs = services.nowMs();
    const tookMs = endMs - startMs;
    const isLate = tookMs > (this.config.budgetMs ?? defaultBudgetMs);
    const fault = problem !== '' ? 'error' : isLate ? 'over-budget' : undefined;
    this.meter.called(hook, tookMs / 1000, fault);
    if (fault !== undefined) {
      const { budgetMs = defaultBudgetMs } = this.config;
      this.fault(endMs, `${hook} ${problem || `took ${tookMs.toFixed(3)} ms of its ${budgetMs}`}`);
    }
    return problem === '' ? 'ran' : without;
  }

  private fault(nowMs: number, what: string): void {
    const { name, maxFaults = defaultMaxFaults } = this.config;
    const { warn } = this.services;
    if (nowMs - this.windowStartMs >= faultWindowMs) {
      this.windowStartMs = nowMs;
      this.faults = 0;
      warn(`filter ${name}: ${what}`);
    }
    if (++this.faults < maxFaults) return;
    this.state = 'off';
    this.meter.switchedOff();
    const consequence = this.failsOpen ? 'requests pass without it' : 'requests are refused';
    warn(
      `filter ${name} is switched off after ${this.faults} faults within ${faultWindowMs / 1000} s, the last: ${what}; ${consequence} until its configuration changes`,
    );
  }
}

function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false;
  // Whatever becomes of it is nobody's business any more, least of all the process's.
  if (value instanceof Promise) value.catch(() => {});
  return true;
}
