/** A reader of Prometheus' text format 0.0.4 that takes nothing else, and the naming rules of its documentation. */

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Sample name, labels in order, value. */
  readonly samples: { readonly name: string; readonly labels: Record<string, string>; readonly value: number }[];
}

/** Throws an error that names the line. */
export function readExposition(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families: Family[] = [];
  const seen = new Set<string>();
  let help: RegExpExecArray | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const wrong = (why: string): Error => new Error(`${why}: ${line}`);
    if (line.startsWith('# HELP ')) {
      help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/.exec(line);
      if (help === null) throw wrong('no help');
      if (seen.has(help[1])) throw wrong('a family in two places');
      seen.add(help[1]);
    } else if (line.startsWith('# TYPE ')) {
      const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
      if (type === null || help === null || type[1] !== help[1]) throw wrong('no type behind its help');
      families.push({ name: type[1], type: type[2], help: help[2], samples: [] });
    } else {
      const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      const family = families.at(-1);
      if (sample === null || family === undefined) throw wrong('no sample');
      const [, name, labels = '', value] = sample;
      const suffix = family.type === 'histogram' ? /^(?:_bucket|_sum|_count)$/ : /^$/;
      if (!name.startsWith(family.name) || !suffix.test(name.slice(family.name.length))) throw wrong('of no family');
      if (!Number.isFinite(Number(value))) throw wrong('no number');
      family.samples.push({ name, labels: readLabels(labels, wrong), value: Number(value) });
    }
  }
  return families;
}

function readLabels(text: string, wrong: (why: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?!$)|$)/.exec(rest);
    if (pair === null || pair[1].startsWith('__') || Object.hasOwn(labels, pair[1])) throw wrong('no labels');
    labels[pair[1]] = pair[2].replace(/\\(.)/g, (_all, one: string) => (one === 'n' ? '\n' : one));
    rest = rest.slice(pair[0].length);
  }
  return labels;
}

/** What promtool's linter would say: empty when nothing. */
export function lint(families: readonly Family[]): string[] {
  const problems: string[] = [];
  for (const { name, type, help, samples } of families) {
    const say = (what: string): void => void problems.push(`${name}: ${what}`);
    if (!/^[a-z][a-z0-9_]*$/.test(name)) say('is not snake case');
    if ((type === 'counter') !== name.endsWith('_total')) say('a counter ends with _total, and nothing else does');
    if (/_(?:ms|us|ns|milliseconds|microseconds|kb|kilobytes|mb|minutes|percent)(?:_|$)/.test(name))
      say('has no base unit');
    if (/_(?:counter|gauge|histogram|bucket|count|sum)(?:_|$)/.test(name)) say('names its type');
    if (!/^[A-Z].*\.$/.test(help)) say('has a help that is no sentence');
    if (samples.length === 0) say('has no samples');
    const keys = new Set(samples.map((sample) => JSON.stringify([sample.name, sample.labels])));
    if (keys.size !== samples.length) say('has a series twice');
    if (type !== 'histogram') continue;
    const buckets = samples.filter((sample) => sample.name.endsWith('_bucket'));
    for (const { labels } of samples.filter((sample) => sample.name.endsWith('_count'))) {
      const its = buckets.filter((sample) =>
        Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      );
      const bounds = its.map((sample) =>
        sample.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample.labels.le),
      );
      if (bounds.at(-1) !== Number.POSITIVE_INFINITY) say('has no +Inf bucket');
      if (its.some((sample, i) => i > 0 && (sample.value < its[i - 1].value || !(bounds[i] > bounds[i - 1]))))
        say('is not cumulative');
    }
  }
  return problems;
}
