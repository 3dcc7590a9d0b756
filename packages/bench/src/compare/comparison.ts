import type { MetricName } from '../result/bench-case.js';
import type { CaseResult, MachineInfo, SystemInfo } from '../result/bench-result.js';
import type { Metric } from '../result/metrics.js';
import type { Figure } from './judge.js';
import type { Rules } from './thresholds.js';

/**
 * What `tulle bench compare` found; `compare.json` in the folder given with --out. Ratios are head over base, differences relative (0.03 is 3 %), figures in
 * the metric's unit.
 */
export interface Comparison {
  schema: 'tulle.dev/bench-compare/v1';
  verdict: Verdict;
  /** Why, one sentence each. */
  reasons: string[];
  /** `interleaved`: both sides in one run, block by block. `separate`: two runs, one after the other. */
  design: 'interleaved' | 'separate';
  base: Side;
  head: Side;
  /** Interrupted: what is here was measured, the rest is missing. */
  partial: boolean;
  startedAt: string;
  endedAt: string;
  machine: MachineInfo;
  node: { version: string; v8: string; openssl: string };
  /** What was not alike on both sides and does not forbid the comparison, one sentence each. */
  unlike: string[];
  rules: Rules;
  cases: ComparedCase[];
}

/** `pass`: no regression, and what was promised is shown to be the same or better. `inconclusive`: no regression, but something promised stayed open. */
export type Verdict = 'pass' | 'fail' | 'inconclusive';

export interface Side {
  /** As it was written on the command line. */
  label: string;
  /** Git commit; undefined outside of a checkout. */
  commit: string | undefined;
  /** The checkout had changes that are not in the commit. */
  changed: boolean;
}

export interface ComparedCase {
  name: string;
  title: string;
  /** The system that is compared; for revisions `tulle-linux`. */
  system: string;
  /** How the number of rounds came about. */
  roundsReason: string;
  /** Blocks that were made, and those that are not among the figures, with the reason. */
  blocks: number;
  leftOut: string[];
  /** Why a side is no measurement, one sentence each; empty where it is one. */
  faults: { base: string[]; head: string[] };
  metrics: ComparedMetric[];
  /** Merged over all rounds; empty where a case has no latency. */
  latency: { arm: Arm; percentiles: [share: number, us: number][] }[];
  definition: CaseResult['definition'];
  pinning: CaseResult['pinning'];
  systems: SystemInfo[];
}

export type Arm = 'base' | 'again' | 'head';

export interface ComparedMetric extends Figure, Pick<Metric, 'title' | 'unit' | 'better'> {
  metric: MetricName;
  /** `promise`: has to be decided for a pass. `watch`: fails when it is worse, but may stay open. */
  role: 'promise' | 'watch';
  /** The threshold, and why it is that. */
  difference: number;
  differenceReason: string;
  /** Figures by round, in the order of time. */
  points: Point[];
}

export interface Point {
  round: number;
  base: number | undefined;
  again: number | undefined;
  head: number | undefined;
}

/** 0 pass, 1 fail, 3 inconclusive; 2 is wrong use. */
export const exitCodes: Readonly<Record<Verdict, number>> = { pass: 0, fail: 1, inconclusive: 3 };
