import type { BenchCase } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import type { CaseRun } from './run-case.js';

/** How the rounds of a case are made: those of a plain run, or of a comparison of builds. */
export interface RoundPolicy extends Pick<CaseRun, 'order' | 'fresh' | 'withDirect'> {
  /** The case with what the policy changes in it. */
  plan(benchCase: BenchCase): BenchCase;
  /** Decides after each block whether another one is made. */
  more(result: CaseResult): { more: boolean; reason: string };
}
