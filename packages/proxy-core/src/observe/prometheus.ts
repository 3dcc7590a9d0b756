/** Renders the series of all data threads as Prometheus text (exposition format 0.0.4). Pure. */
import { latencyBuckets, type SeriesDefinition } from './registry.js';

export interface ThreadSeries {
  readonly definitions: readonly SeriesDefinition[];
  readonly values: Float64Array;
}

interface Sample {
  readonly definition: SeriesDefinition;
  readonly values: number[];
}

/** Series of the same name and labels are added up over the threads. */
export function renderPrometheus(threads: readonly ThreadSeries[]): string {
  const families = new Map<string, Map<string, Sample>>();
  for (const { definitions, values } of threads) {
    for (const definition of definitions) {
      const size = definition.kind === 'histogram' ? latencyBuckets.length + 2 : 1;
      const family = families.get(definition.name) ?? new Map<string, Sample>();
      families.set(definition.name, family);
      const key = renderLabels(definition.labels);
      const sample = family.get(key) ?? { definition, values: new Array<number>(size).fill(0) };
      family.set(key, sample);
      for (let i = 0; i < size; i++) sample.values[i] += values[definition.slot + i];
    }
  }
  let text = '';
  for (const [name, family] of families) {
    const [first] = family.values();
    text += `# HELP ${name} ${first.definition.help}\n# TYPE ${name} ${first.definition.kind}\n`;
    for (const [labels, sample] of family) text += renderSample(name, labels, sample);
  }
  return text;
}

function renderSample(name: string, labels: string, { definition, values }: Sample): string {
  if (definition.kind !== 'histogram') return `${name}${labels === '' ? '' : `{${labels}}`} ${values[0]}\n`;
  const prefix = labels === '' ? '' : `${labels},`;
  let count = 0;
  let text = '';
  for (let i = 0; i <= latencyBuckets.length; i++) {
    count += values[i];
    text += `${name}_bucket{${prefix}le="${i < latencyBuckets.length ? latencyBuckets[i] : '+Inf'}"} ${count}\n`;
  }
  const set = labels === '' ? '' : `{${labels}}`;
  return `${text}${name}_sum${set} ${values[latencyBuckets.length + 1]}\n${name}_count${set} ${count}\n`;
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`)
    .join(',');
}
