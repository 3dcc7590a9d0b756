import type { MetricName } from './bench-case.js';
import type { Round, SparseHistogram, ThreadUse } from './bench-result.js';

/** What a metric is called, its unit and which way is better. */
export interface Metric {
  title: string;
  unit: 'µs' | 'requests/s' | 'MB/s' | 'bytes' | 'bytes/request' | 'count';
  better: 'lower' | 'higher';
}

export const metrics: Readonly<Record<MetricName, Metric>> = {
  'cpu-per-request': { title: 'CPU of the proxies a request', unit: 'µs', better: 'lower' },
  'user-cpu-per-request': { title: 'of it in user mode', unit: 'µs', better: 'lower' },
  'system-cpu-per-request': { title: 'of it in the kernel', unit: 'µs', better: 'lower' },
  'cpu-per-megabyte': { title: 'CPU of the proxies a megabyte of bodies', unit: 'µs', better: 'lower' },
  throughput: { title: 'requests a second', unit: 'requests/s', better: 'higher' },
  'megabytes-per-second': { title: 'bodies a second', unit: 'MB/s', better: 'higher' },
  'latency-p50': { title: 'latency p50', unit: 'µs', better: 'lower' },
  'latency-p90': { title: 'latency p90', unit: 'µs', better: 'lower' },
  'latency-p99': { title: 'latency p99', unit: 'µs', better: 'lower' },
  'latency-p999': { title: 'latency p99.9', unit: 'µs', better: 'lower' },
  'latency-max': { title: 'latency, longest', unit: 'µs', better: 'lower' },
  'added-p50': { title: 'added to direct at p50', unit: 'µs', better: 'lower' },
  'added-p99': { title: 'added to direct at p99', unit: 'µs', better: 'lower' },
  'added-p999': { title: 'added to direct at p99.9', unit: 'µs', better: 'lower' },
  rss: { title: 'memory of the proxies', unit: 'bytes', better: 'lower' },
  'rss-growth': { title: 'growth of memory in the second half', unit: 'bytes/request', better: 'lower' },
  'rss-per-connection': { title: 'memory of the proxies a connection', unit: 'bytes', better: 'lower' },
  'switches-per-request': { title: 'context switches of the proxies a request', unit: 'count', better: 'lower' },
  'syscalls-per-request': { title: 'system calls of the proxies a request', unit: 'count', better: 'lower' },
};

/**
 * One figure of one round, or undefined where the round has none. Pure.
 * @param direct the round of `direct` in the same block; needed for the metrics that begin with `added-`.
 */
export function figureOf(metric: MetricName, round: Round, direct?: Round): number | undefined {
  const { requests, durationS, bytes } = round;
  const megabytes = (bytes.sent + bytes.received) / 1e6;
  switch (metric) {
    case 'cpu-per-request':
      return per(proxyCpuUs(round), requests);
    case 'user-cpu-per-request':
      return per(proxyCpuUs(round) * userShare(round), requests);
    case 'system-cpu-per-request':
      return per(proxyCpuUs(round) * (1 - userShare(round)), requests);
    case 'cpu-per-megabyte':
      return per(proxyCpuUs(round), megabytes);
    case 'throughput':
      return per(requests, durationS);
    case 'megabytes-per-second':
      return per(megabytes, durationS);
    case 'latency-p50':
      return percentile(round.latencyUs, 0.5);
    case 'latency-p90':
      return percentile(round.latencyUs, 0.9);
    case 'latency-p99':
      return percentile(round.latencyUs, 0.99);
    case 'latency-p999':
      return percentile(round.latencyUs, 0.999);
    case 'latency-max':
      return round.latencyUs?.max;
    case 'added-p50':
      return difference(percentile(round.latencyUs, 0.5), percentile(direct?.latencyUs, 0.5));
    case 'added-p99':
      return difference(percentile(round.latencyUs, 0.99), percentile(direct?.latencyUs, 0.99));
    case 'added-p999':
      return difference(percentile(round.latencyUs, 0.999), percentile(direct?.latencyUs, 0.999));
    case 'rss':
      return sum(proxies(round).map((each) => each.rssAfterBytes));
    case 'rss-growth':
      return slope(round.memory.slice(Math.floor(round.memory.length / 2)));
    case 'rss-per-connection':
      return per(sum(proxies(round).map((each) => each.rssAfterBytes - each.rssBeforeBytes)), requests);
    case 'switches-per-request':
      return per(sum(proxyThreads(round).map((each) => each.voluntarySwitches + each.involuntarySwitches)), requests);
    case 'syscalls-per-request':
      return round.syscalls === undefined ? undefined : per(round.syscalls.calls, round.syscalls.requests);
  }
}

/** The smallest value that at least `share` of the values do not exceed; undefined without values. */
export function percentile(histogram: SparseHistogram | undefined, share: number): number | undefined {
  if (histogram === undefined || histogram.count === 0) return undefined;
  const wanted = Math.max(1, Math.ceil(histogram.count * share));
  let seen = 0;
  for (const [value, count] of histogram.buckets) {
    seen += count;
    if (seen >= wanted) return Math.min(value, histogram.max);
  }
  return histogram.max;
}

/** CPU time of all proxies in µs. */
export function proxyCpuUs(round: Round): number {
  return sum(proxyThreads(round).map((each) => each.cpuNs)) / 1000;
}

function userShare(round: Round): number {
  const user = sum(proxyThreads(round).map((each) => each.userTicks));
  const system = sum(proxyThreads(round).map((each) => each.systemTicks));
  return user + system === 0 ? 0 : user / (user + system);
}

function proxies(round: Round): Round['processes'] {
  return round.processes.filter((each) => each.role === 'proxy');
}

function proxyThreads(round: Round): ThreadUse[] {
  return proxies(round).flatMap((each) => each.threads);
}

/** Least squares of bytes over requests; undefined with fewer than three samples. */
function slope(samples: Round['memory']): number | undefined {
  if (samples.length < 3) return undefined;
  const meanX = sum(samples.map((each) => each.requests)) / samples.length;
  const meanY = sum(samples.map((each) => each.rssBytes)) / samples.length;
  const above = sum(samples.map((each) => (each.requests - meanX) * (each.rssBytes - meanY)));
  const below = sum(samples.map((each) => (each.requests - meanX) ** 2));
  return below === 0 ? undefined : above / below;
}

function per(total: number, count: number): number | undefined {
  return count > 0 ? total / count : undefined;
}

function difference(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
