/** Every limit stands in docs/limits.md with its default, and does at its edge what is said of it. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { Breaker } from '../../src/pool/breaker.js';
import { codecEdges } from './codec-edges.js';
import { type Edge, sidesOf } from './edge.js';
import { planeEdges } from './plane-edges.js';

const repository = new URL('../../../../', import.meta.url);

/** Limits whose edge is no moment: what they bound is measured where these tests say. */
const measured = {
  maxRegexCacheBytes: ['packages/proxy-core/test/route/regex/regex.test.ts', 'and the memory is bounded'],
  writeHighWaterBytes: ['packages/testkit/src/io-suite/backpressure.ts', 'what is under way stays bounded'],
} satisfies Partial<Record<keyof Limits, readonly [file: string, title: string]>>;

/** Complete by its type: a new limit does not compile without its edge. */
const edges: Readonly<Record<Exclude<keyof Limits, keyof typeof measured>, Edge>> = { ...codecEdges, ...planeEdges };

for (const [name, edge] of Object.entries(edges)) {
  const { within, beyond } = sidesOf(name, edge);
  t.test(`${name}: ${edge.within} at the limit, ${edge.beyond} beyond`, (t) => {
    t.equal(edge.meet(edge.limit, within), edge.within, `${within} of ${edge.limit}`);
    t.equal(edge.meet(edge.limit, beyond), edge.beyond, `${beyond} of ${edge.limit}`);
    t.end();
  });
}

t.test('limits that are measured have their tests', (t) => {
  for (const [name, [file, title]] of Object.entries(measured))
    t.ok(readFileSync(new URL(file, repository), 'utf8').includes(title), `${name}: "${title}" in ${file}`);
  t.same([...Object.keys(edges), ...Object.keys(measured)].sort(), Object.keys(defaultLimits).sort());
  t.end();
});

t.test('docs/limits.md has each limit with its default, its reason and its edge, and no other', (t) => {
  const breaker = new Breaker();
  const { maxConnections, maxPendingRequests, maxRequests } = breaker;
  const defaults: Record<string, number> = { ...defaultLimits, maxConnections, maxPendingRequests, maxRequests };
  const rows = [
    ...readFileSync(new URL('docs/limits.md', repository), 'utf8').matchAll(
      /^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm,
    ),
  ];
  t.same(rows.map(([, name]) => name).sort(), Object.keys(defaults).sort(), 'as many rows as limits');
  for (const [, name, value, reason, edge] of rows) {
    t.equal(Number(value.replaceAll(',', '')), defaults[name], `the default of ${name}`);
    t.ok(reason.length > 20 && edge.length > 2, `${name} has a reason and an edge`);
  }
  t.end();
});
