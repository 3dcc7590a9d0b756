import { readinessFailures } from '../limits.js';

/** What one look at a pod has found. */
export interface Look {
  /** Why the pod is not ready; null when it is. */
  reason: string | null;
  /** The reason was told (a program has ended, a sidecar said no) and is no mere silence. */
  isCertain: boolean;
}

/**
 * Whether a pod is ready, from one look after the other: silence counts against a ready pod only when it lasts, since one late answer of a busy
 * machine must not take an endpoint away. Pure.
 */
export class Readiness {
  /** Why it is not ready; null when it is. */
  reason: string | null = 'not started';
  #silences = 0;

  get ready(): boolean {
    return this.reason === null;
  }

  /** Returns false when the look is set aside as one that may have been mere chance. */
  take({ reason, isCertain }: Look): boolean {
    const isDoubtful = this.ready && reason !== null && !isCertain;
    this.#silences = isDoubtful ? this.#silences + 1 : 0;
    if (isDoubtful && this.#silences < readinessFailures) return false;
    this.reason = reason;
    return true;
  }
}
