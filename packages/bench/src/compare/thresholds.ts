import type { MetricName } from '../result/bench-case.js';

/** What a comparison promises for one metric, with the reason for the number. Relative differences: 0.03 is 3 %. */
export interface Threshold {
  /** The difference that is promised to be seen, and to be excluded where a verdict says `same`. Half of it is the least that is called a regression. */
  difference: number;
  reason: string;
}

/**
 * The metrics that can be judged, and from what difference on. A case names its metrics; those without a threshold are shown and not judged. For the first
 * metric of a case, the one it was made for, its own `rounds.detect` counts instead, and the number of rounds is chosen by it.
 */
export const thresholds: Readonly<Partial<Record<MetricName, Threshold>>> = {
  'cpu-per-request': {
    difference: 0.03,
    reason:
      'a few per cent are what one careless line on the request path costs; counted by the kernel, so little noise',
  },
  'cpu-per-megabyte': { difference: 0.03, reason: 'as for a request' },
  throughput: {
    difference: 0.05,
    reason: 'follows CPU where the proxy is the bottleneck, and the scheduler where not',
  },
  'megabytes-per-second': { difference: 0.05, reason: 'as for requests' },
  'latency-p50': { difference: 0.05, reason: 'a hop is some 100 µs: 5 % of it is two system calls more' },
  'latency-p90': { difference: 0.1, reason: 'half queueing, half scheduler: twice as ragged as the median' },
  'latency-p99': { difference: 0.2, reason: 'one request in a hundred meets a collection or another process' },
  'latency-p999': {
    difference: 0.5,
    reason: 'a handful of requests a round: only pauses of their own size show, and those are what it is watched for',
  },
  rss: { difference: 0.05, reason: 'less is decided by when the last collection was' },
  'rss-per-connection': { difference: 0.05, reason: 'a buffer or an object a connection is more' },
  'switches-per-request': { difference: 0.1, reason: 'depends on who wakes whom; a lost batch doubles it' },
  'syscalls-per-request': {
    difference: 0.02,
    reason: 'nearly the same number each time: one call more in fifty requests',
  },
};

/** The rules that are the same for all metrics. */
export interface Rules {
  /** Chance that anything at all is called different when nothing is, over all cases and metrics together (Holm). */
  alpha: number;
  /** Chance that a promised difference is seen. */
  power: number;
  /** Of the intervals that are shown, and by which `same` is said. */
  level: number;
  /** Least difference that is called a regression, as a share of the promised one. With the rounds that `power` asks for, a true promised difference is estimated above half of it in 98 of 100 runs. */
  tolerance: number;
  /** Bootstrap resamples an interval. */
  resamples: number;
  /** Start of the pseudo-random sequence: the same rounds give the same verdict. */
  seed: number;
  /** The noise is planned with as the end of an interval of this confidence, because it is known from few rounds, and because the run stops at the first look that finds enough of them. */
  noiseConfidence: number;
  /** Chance that the A/A arm is called different when it is not; where it is, the machine treats two equal builds differently and no verdict is given. */
  controlAlpha: number;
}

export const rules: Readonly<Rules> = {
  alpha: 0.05,
  power: 0.9,
  level: 0.95,
  tolerance: 0.5,
  resamples: 2000,
  seed: 20251,
  noiseConfidence: 0.95,
  controlAlpha: 0.01,
};
