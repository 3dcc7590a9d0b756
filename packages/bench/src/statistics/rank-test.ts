import { normalTail } from './distributions.js';

/** What a rank test found. */
export interface RankTest {
  /** Sum of the ranks of the positive differences (signed-rank), or of the second sample (rank-sum). */
  statistic: number;
  /** Two-sided: chance of a statistic this far out, either way, when nothing differs. */
  pValue: number;
  method: 'exact' | 'normal';
}

/** Pairs up to which the signed-rank distribution is counted out: some ms at the limit, and beyond it the normal one is right to 1e-4. */
export const maxExactPairs: number = 100;

/** Values of both samples together up to which the rank-sum distribution is counted out. */
export const maxExactValues: number = 60;

/**
 * Wilcoxon's signed-rank test of paired differences (1945). A difference of zero keeps its rank but has no sign (Pratt 1959): dropping it would make
 * the others look more decided than they are. Exact means over all signs given these ranks, so ties need no correction.
 */
export function signedRankTest(differences: readonly number[]): RankTest {
  const ranks = doubledRanks(differences.map(Math.abs));
  const signed: number[] = [];
  let positive = 0;
  for (let index = 0; index < differences.length; index++) {
    if (differences[index] === 0) continue;
    signed.push(ranks[index]);
    if (differences[index] > 0) positive += ranks[index];
  }
  const statistic = positive / 2;
  if (signed.length === 0) return { statistic, pValue: 1, method: 'exact' };
  if (signed.length > maxExactPairs) {
    const mean = sum(signed) / 4;
    const variance = sum(signed.map((rank) => rank * rank)) / 16;
    return { statistic, pValue: twoSidedNormal(statistic, mean, variance), method: 'normal' };
  }
  // chances[s]: that the doubled ranks with a positive sign add up to s.
  const chances = new Float64Array(sum(signed) + 1);
  chances[0] = 1;
  let reached = 0;
  for (const rank of signed) {
    reached += rank;
    for (let at = reached; at >= 0; at--) chances[at] = (chances[at] + (at >= rank ? chances[at - rank] : 0)) / 2;
  }
  return { statistic, pValue: twoSidedExact(chances, positive), method: 'exact' };
}

/** The rank-sum test of two independent samples (Wilcoxon 1945, Mann and Whitney 1947). Exact means over all ways to share these ranks out. */
export function rankSumTest(first: readonly number[], second: readonly number[]): RankTest {
  const ranks = doubledRanks([...first, ...second]);
  const observed = sum(ranks.slice(first.length));
  const statistic = observed / 2;
  const count = ranks.length;
  if (first.length === 0 || second.length === 0) return { statistic, pValue: 1, method: 'exact' };
  if (count > maxExactValues) {
    const mean = (second.length * (count + 1)) / 2;
    // The variance of ranks drawn without putting back; ties are in the ranks themselves.
    const spread = sum(ranks.map((rank) => (rank / 2 - (count + 1) / 2) ** 2));
    const variance = (first.length * second.length * spread) / (count * (count - 1));
    return { statistic, pValue: twoSidedNormal(statistic, mean, variance), method: 'normal' };
  }
  return { statistic, pValue: twoSidedExact(sumsOfSubsets(ranks, second.length), observed), method: 'exact' };
}

/** How many subsets of a size have each sum: index is the sum. */
function sumsOfSubsets(ranks: readonly number[], size: number): Float64Array {
  const total = sum(ranks);
  const ways = Array.from({ length: size + 1 }, () => new Float64Array(total + 1));
  ways[0][0] = 1;
  for (let index = 0; index < ranks.length; index++) {
    const rank = ranks[index];
    for (let taken = Math.min(size, index + 1); taken >= 1; taken--) {
      for (let at = total; at >= rank; at--) ways[taken][at] += ways[taken - 1][at - rank];
    }
  }
  return ways[size];
}

function twoSidedExact(weights: Float64Array, observed: number): number {
  let below = 0;
  let above = 0;
  let all = 0;
  for (let at = 0; at < weights.length; at++) {
    all += weights[at];
    if (at <= observed) below += weights[at];
    if (at >= observed) above += weights[at];
  }
  return Math.min(1, (2 * Math.min(below, above)) / all);
}

/** With the continuity correction of half a rank. */
function twoSidedNormal(statistic: number, mean: number, variance: number): number {
  if (variance === 0) return 1;
  return Math.min(1, 2 * normalTail(Math.max(0, Math.abs(statistic - mean) - 0.5) / Math.sqrt(variance)));
}

/** Twice the rank of each value, so that the middle rank of ties is whole too. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a] - values[b]);
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end += 1;
    for (let at = start; at <= end; at++) ranks[order[at]] = start + end + 2;
    start = end + 1;
  }
  return ranks;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
