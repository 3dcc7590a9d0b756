/** One suite for every implementation of `Io`: what it asks is what `io.ts` says. */
import { endingCases } from './ending.js';
import type { IoHarness, SuiteTest } from './harness.js';
import { openingCases } from './opening.js';

export function ioSuite(t: SuiteTest, name: string, harness: IoHarness): void {
  t.test(`${name}: opening`, async (t) => openingCases(t, harness));
  t.test(`${name}: ending`, async (t) => endingCases(t, harness));
}
