import type { Goal, MetricName } from '../result/bench-case.js';
import type { CaseResult } from '../result/bench-result.js';
import { metrics } from '../result/metrics.js';
import { directName } from '../systems/registry.js';
import { numberText } from './figure-text.js';
import { figuresOf, median, rowFaults } from './figures.js';
import { ratioOf, ratioText } from './ratio.js';

/** `cpu-per-request of tulle-linux over haproxy: 0.98 (0.96 to 0.99), wanted at most 1: held`. Pure. */
export function goalLine(result: CaseResult, goal: Goal): string {
  const { metric, system, against, ratio, limit } = goal;
  const isLower = metrics[metric].better === 'lower';
  const bound = isLower ? 'at most' : 'at least';
  const isSound = (name: string): boolean => rowFaults(result, name).length === 0;
  if (against === undefined || ratio === undefined) {
    const figure = median([...figuresOf(result, system, metric).values()]);
    const wanted = limit ?? 0;
    if (figure === undefined || !isSound(system)) return `${metric} of ${system}: not measured`;
    const verdict = verdictOf({ estimate: figure, low: figure, high: figure }, wanted, isLower);
    return `${metric} of ${system}: ${numberText(figure, metric)}, wanted ${bound} ${numberText(wanted, metric)}: ${verdict}`;
  }
  const peer = against === 'best' ? bestPeer(result, metric) : against;
  const name = `${metric} of ${system} over ${peer ?? 'the best peer'}`;
  const found =
    peer !== undefined && isSound(system) && isSound(peer) ? ratioOf(result, system, peer, metric) : undefined;
  if (found === undefined) return `${name}: not measured`;
  return `${name}: ${ratioText(found)}, wanted ${bound} ${ratio}: ${verdictOf(found, ratio, isLower)}`;
}

/** The interval decides: where it holds the wanted figure itself, nobody knows. Without an interval there is one figure, and it is said as such. */
function verdictOf(
  { estimate, low, high }: { estimate: number; low: number | undefined; high: number | undefined },
  wanted: number,
  isLower: boolean,
): string {
  const short = `falls short by ${((Math.abs(estimate - wanted) / Math.abs(wanted)) * 100).toFixed(1)} %`;
  const holds = (figure: number): boolean => (isLower ? figure <= wanted : figure >= wanted);
  if (low === undefined || high === undefined) return `${holds(estimate) ? 'held' : short}, in one round`;
  if (holds(low) && holds(high)) return 'held';
  if (!holds(low) && !holds(high)) return short;
  return holds(estimate) ? 'held, but not beyond the noise' : `${short}, but not beyond the noise`;
}

/** The peer with the best median. */
function bestPeer(result: CaseResult, metric: MetricName): string | undefined {
  const sign = metrics[metric].better === 'lower' ? 1 : -1;
  const peers = result.systems
    .filter(({ name }) => name !== directName && !name.startsWith('tulle') && rowFaults(result, name).length === 0)
    .map(({ name }) => ({ name, figure: median([...figuresOf(result, name, metric).values()]) }))
    .filter((each): each is { name: string; figure: number } => each.figure !== undefined);
  return peers.sort((a, b) => sign * (a.figure - b.figure))[0]?.name;
}
