import { setTimeout as delay } from 'node:timers/promises';
import { pollIntervalMs } from '../limits.js';

/**
 * Asks until the answer is true. Returns false when `deadlineMs` have passed first, or when `hopeless` says that it will not
 * become true any more.
 */
export async function waitUntil(
  question: () => boolean | Promise<boolean>,
  deadlineMs: number,
  hopeless: () => boolean = () => false,
): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    if (await question()) return true;
    if (hopeless() || performance.now() > end) return false;
    await delay(pollIntervalMs);
  }
}
