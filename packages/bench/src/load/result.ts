import type { SparseHistogram } from '../result/bench-result.js';
import type { Percentiles } from './latencies.js';
import type { LoadOptions } from './options.js';

/** What one run of the generator found; this is the JSON that `tulle bench load -o json` prints. Times in µs unless named otherwise. */
export interface LoadResult {
  schema: 'tulle.dev/bench-load/v1';
  /** False when anything at all went wrong: then the figures below are no measurement. */
  valid: boolean;
  /** Why not, one sentence each. */
  invalid: string[];
  /** Failed requests by reason; empty in a valid run. */
  errors: Record<string, number>;
  /** The first failure of each reason in words. */
  examples: Record<string, string>;
  url: string;
  method: string;
  rate: number | 'max';
  schedule: LoadOptions['schedule'] | 'closed';
  connections: number;
  warmupS: number;
  /** Measured time, warm-up left out, to the last answer. */
  elapsedS: number;
  requests: {
    /** All that were sent, warm-up included. */
    sent: number;
    /** Whole and correct answers, warm-up included. */
    answered: number;
    /** Those behind `latencyUs`. */
    recorded: number;
    /** Sent later than due because every connection was busy; the wait is in `latencyUs`. */
    waited: number;
  };
  /** Correct answers a second in the measured time. */
  throughput: number;
  /** Bytes of bodies, warm-up included. */
  bytes: { sent: number; received: number };
  connects: number;
  /** From when a request was due to the last byte of its answer. In a closed loop a request is due when its connection is free. */
  latencyUs: Percentiles;
  /** From when it was sent: what a closed loop would have seen. Never the figure to report. */
  serviceUs: Percentiles;
  /** From due to when the generator took the request up: its own fault, contained in `latencyUs`. */
  latenessUs: Percentiles;
  /** CPU of the generator's process per request, user and system. */
  generatorCpuUs: number;
  /** What the percentiles come from. Not printed. */
  histograms: { latencyUs: SparseHistogram; latenessUs: SparseHistogram };
}

/** Counts failures by reason and keeps the first of each in words. */
export class Failures {
  total: number;
  readonly #counts: Map<string, number>;
  readonly #examples: Map<string, string>;

  constructor() {
    this.total = 0;
    this.#counts = new Map();
    this.#examples = new Map();
  }

  add(reason: string, detail: string): void {
    this.total += 1;
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    if (!this.#examples.has(reason)) this.#examples.set(reason, detail);
  }

  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  get examples(): Record<string, string> {
    return Object.fromEntries(this.#examples);
  }
}

/** The facts that decide whether a run is a measurement. */
export interface RunFacts {
  failures: Failures;
  /** Why the run ended before its time, if it did. */
  cutShort: string | undefined;
  recorded: number;
  latenessP99Us: number;
  maxLatenessP99Us: number;
  openLoop: boolean;
}

/** Every reason for which the run does not count; empty when it does. */
export function invalidReasons(facts: RunFacts): string[] {
  const reasons: string[] = [];
  const { failures, cutShort, recorded, latenessP99Us, maxLatenessP99Us } = facts;
  if (failures.total > 0) {
    const list = Object.entries(failures.counts).map(([reason, count]) => `${count} ${reason}`);
    reasons.push(`${failures.total} requests failed: ${list.join(', ')}`);
  }
  if (cutShort !== undefined) reasons.push(cutShort);
  if (recorded === 0) reasons.push('no request was recorded');
  if (facts.openLoop && latenessP99Us > maxLatenessP99Us) {
    reasons.push(
      `the generator was late: 99 % of the requests within ${latenessP99Us} µs of when they were due, allowed are ${maxLatenessP99Us} µs`,
    );
  }
  return reasons;
}

/** The result as a person reads it. */
export function renderLoadResult(result: LoadResult): string {
  const { latencyUs, latenessUs, requests } = result;
  const how = result.rate === 'max' ? 'closed loop' : `${result.rate} requests a second (${result.schedule})`;
  const lines = [
    `${result.method} ${result.url}: ${how}, ${result.connections} connections`,
    `  answered   ${requests.answered} of ${requests.sent} in ${result.elapsedS.toFixed(1)} s, ${Math.round(result.throughput)} a second`,
    `  latency    p50 ${latencyUs.p50} µs, p90 ${latencyUs.p90} µs, p99 ${latencyUs.p99} µs, p99.9 ${latencyUs.p999} µs, max ${latencyUs.max} µs`,
  ];
  if (result.rate !== 'max') {
    lines.push(`  generator  late by p50 ${latenessUs.p50} µs, p99 ${latenessUs.p99} µs, max ${latenessUs.max} µs`);
  }
  if (requests.waited > 0) lines.push(`  waited     ${requests.waited} requests found every connection busy`);
  for (const reason of result.invalid) lines.push(`  invalid    ${reason}`);
  for (const [reason, example] of Object.entries(result.examples)) lines.push(`  ${reason.padEnd(10)} ${example}`);
  return `${lines.join('\n')}\n`;
}
