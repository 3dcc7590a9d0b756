import type { MetricName } from '../result/bench-case.js';
import { metrics } from '../result/metrics.js';

/** A figure without its unit, as long as it tells something: memory in MiB, memory of one thing in KiB, all else in the metric's own unit. */
export function numberText(figure: number, metric: MetricName): string {
  const { unit } = metrics[metric];
  if (metric === 'rss') return (figure / 1024 / 1024).toFixed(1);
  if (unit === 'bytes') return (figure / 1024).toFixed(2);
  return Math.abs(figure) >= 1000 ? figure.toFixed(0) : figure.toFixed(2);
}
