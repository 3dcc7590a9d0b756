import type { RunFigures } from '../agents/protocol.js';
import { maxLatenessP99Us } from '../limits.js';
import { percentile } from '../result/metrics.js';

/** What a proxy was at the start, and what it is after a round. */
export interface ProxyFate {
  name: string;
  /** Ids and start times of its processes when the case began; the order does not matter. */
  before: readonly string[];
  after: readonly string[];
  /** How it ended and its last words, if it did. */
  ended: string | undefined;
}

/** The facts that decide whether a round is a measurement. */
export interface RoundFacts {
  figures: RunFigures;
  proxies: readonly ProxyFate[];
  /** What the work asked for: connections for `idle`; undefined where it is a time. */
  expectedRequests: number | undefined;
}

/** Whether a round counts, and if not why, one sentence each. `late`: for no other reason than the generator's lateness. Pure. */
export function judgeRound(facts: RoundFacts): { valid: boolean; invalid: string[]; late: boolean } {
  const faults = faultsOf(facts);
  const lateness = latenessFault(facts.figures);
  return {
    valid: faults.length === 0 && lateness.length === 0,
    invalid: [...faults, ...lateness],
    late: faults.length === 0 && lateness.length > 0,
  };
}

function latenessFault({ latenessUs }: RunFigures): string[] {
  const late = percentile(latenessUs, 0.99);
  if (late === undefined || late <= maxLatenessP99Us) return [];
  return [`the generator was late: p99 ${late} µs after requests were due, allowed are ${maxLatenessP99Us} µs`];
}

function faultsOf({ figures, proxies, expectedRequests }: RoundFacts): string[] {
  const faults: string[] = [];
  const failed = Object.entries(figures.errors);
  const count = failed.reduce((sum, [, each]) => sum + each, 0);
  if (count > 0) {
    const list = failed.map(([reason, each]) => `${each} ${reason}`).join(', ');
    const [first] = Object.values(figures.examples);
    faults.push(`${count} ${count === 1 ? 'request' : 'requests'} failed (${list}): ${JSON.stringify(first ?? '')}`);
  }
  if (figures.requests === 0) faults.push('no request was answered');
  if (expectedRequests !== undefined && figures.requests !== expectedRequests) {
    faults.push(`${figures.requests} requests were answered, ${expectedRequests} were asked for`);
  }
  for (const { name, before, after, ended } of proxies) {
    if (ended !== undefined) faults.push(`${name} ${ended}`);
    else if (!sameSet(before, after)) {
      faults.push(
        `${name} is not the same process any more: ${before.join(', ')} became ${after.join(', ') || 'none'}`,
      );
    }
  }
  return faults;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join() === [...b].sort().join();
}
