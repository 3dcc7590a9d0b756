/** One suite for every implementation of `Io`: what it asks is what `io.ts` says. */
import { backpressureCases } from './backpressure.js';
import { endingCases } from './ending.js';
import { foreignCases } from './foreign.js';
import type { IoHarness, SuiteTest } from './harness.js';
import { openingCases } from './opening.js';
import { sniffingCases } from './sniffing.js';
import { tlsCases } from './tls.js';
import { turningCases } from './turning.js';

export function ioSuite(t: SuiteTest, name: string, harness: IoHarness): void {
  t.test(`${name}: opening`, async (t) => openingCases(t, harness));
  t.test(`${name}: ending`, async (t) => endingCases(t, harness));
  t.test(`${name}: backpressure`, async (t) => backpressureCases(t, harness));
  t.test(`${name}: sniffing`, async (t) => sniffingCases(t, harness));
  t.test(`${name}: turning`, async (t) => turningCases(t, harness));
  if (harness.tls) t.test(`${name}: TLS`, async (t) => tlsCases(t, harness));
  if (harness.sockets) t.test(`${name}: foreign peers`, async (t) => foreignCases(t, harness));
}
