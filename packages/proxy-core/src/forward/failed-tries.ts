/** What an exchange has tried in vain. Made with the first try that fails: most exchanges never need it. */
import type { RetryConfig } from '../config/config.js';
import type { Failure } from '../failure.js';
import type { Breaker } from '../pool/breaker.js';
import { Timer, type TimerOwner } from '../time/wheel.js';
import type { Endpoint } from '../upstream/endpoint.js';
import { backOffMs } from './retry.js';

export class FailedTries {
  /** Endpoints that were tried and to blame; others are preferred. */
  readonly endpoints: Endpoint[] = [];
  /** Tries that met a kept connection which had been closed: they count for nothing. */
  stale = 0;
  /** The earliest of which it is not certain that the application has not seen it: no later failure may claim that the request is safe to repeat. */
  mayHaveArrived: Failure | undefined = undefined;
  /** Runs while the next try waits. */
  readonly backOff: Timer;
  private readonly breaker: Breaker;
  /** Tries that waited. */
  private waits = 0;
  /** The request counts among those of its cluster that are sent again. */
  private isRetry = false;

  constructor(owner: TimerOwner, breaker: Breaker) {
    this.backOff = new Timer(owner, 'retry-back-off');
    this.breaker = breaker;
  }

  /** Takes a place in the cluster's retry budget, unless it has one; false: there is none. */
  takeRetry(): boolean {
    const { breaker } = this;
    if (this.isRetry) return true;
    if (breaker.retries >= breaker.retryLimit) {
      breaker.overflowed('retries');
      return false;
    }
    breaker.retries++;
    this.isRetry = true;
    return true;
  }

  giveRetry(): void {
    if (this.isRetry) this.breaker.retries--;
    this.isRetry = false;
  }

  /** How long the next try has to wait, ms. */
  nextWaitMs(retry: RetryConfig | undefined, random: () => number): number {
    return random() * backOffMs(retry, ++this.waits);
  }
}

export const noEndpoints: readonly Endpoint[] = [];
