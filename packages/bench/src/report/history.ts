import { isDeepStrictEqual } from 'node:util';
import type { MetricName } from '../result/bench-case.js';
import type { BenchResult } from '../result/bench-result.js';
import { colourOf } from './colours.js';
import type { PlottedSeries } from './series-plot.js';
import { type Estimate, estimateOf, soundSystems } from './summary.js';

/** One run in a history file: one line of JSON, small enough to be kept for years in a branch or an artefact. */
export interface HistoryEntry {
  schema: 'tulle.dev/bench-history/v1';
  startedAt: string;
  commit: string | undefined;
  /** What has to be alike for runs to be drawn in one line. */
  machine: { fingerprint: string | undefined; cpuModel: string; cpus: number; kernel: string; node: string };
  figures: { case: string; system: string; metric: MetricName; figure: Estimate }[];
}

/** A run as its line in the history. Pure. */
export function historyEntry({ run, cases }: BenchResult): HistoryEntry {
  const { fingerprint, cpuModel, cpus, kernel } = run.machine;
  const figures = cases.flatMap((result) =>
    soundSystems(result).flatMap((system) =>
      result.definition.metrics.flatMap((metric) => {
        const figure = estimateOf(result, system, metric);
        return figure === undefined ? [] : [{ case: result.definition.name, system, metric, figure }];
      }),
    ),
  );
  return {
    schema: 'tulle.dev/bench-history/v1',
    startedAt: run.startedAt,
    commit: run.revision?.commit,
    machine: { fingerprint, cpuModel, cpus, kernel, node: run.node.version },
    figures,
  };
}

/** A history file cannot be read: file, line and remedy. */
export class BadHistory extends Error {
  override readonly name = 'BadHistory';
}

/**
 * The runs of a history file that were made where this one was; the others are left out, because a line through two machines draws their difference.
 * @throws BadHistory
 */
export function readHistory(text: string, file: string, like: HistoryEntry): HistoryEntry[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, place: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, place }) => parsed(line, place))
    .filter(({ machine }) => isDeepStrictEqual(machine, JSON.parse(JSON.stringify(like.machine))));
}

function parsed(line: string, place: string): HistoryEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new BadHistory(`${place} is no JSON: take the line out, or start another file`);
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema !== 'tulle.dev/bench-history/v1') {
    throw new BadHistory(`${place} is ${String(schema)}, not tulle.dev/bench-history/v1: start another file`);
  }
  return value as HistoryEntry;
}

/** One metric of one case over the runs; undefined with fewer than two of them. Pure. */
export function trendOf(
  history: readonly HistoryEntry[],
  caseName: string,
  metric: MetricName,
): PlottedSeries[] | undefined {
  const found = new Map<string, [number, number][]>();
  for (const [index, entry] of history.entries()) {
    for (const each of entry.figures) {
      if (each.case !== caseName || each.metric !== metric) continue;
      const points = found.get(each.system) ?? [];
      points.push([index + 1, each.figure.estimate]);
      found.set(each.system, points);
    }
  }
  const kinds = colourOf([...found.keys()]);
  const series = [...found].map(([name, points]) => ({ name, kind: kinds(name), points }));
  return series.some(({ points }) => points.length > 1) ? series : undefined;
}
