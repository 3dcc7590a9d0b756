/** docs/http.md is complete and true: each refusal of the codec is stated by a case and listed, and each case that is listed exists. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { readCases } from './case-file.js';

const codec = new URL('../../src/codec/http1/', import.meta.url);
const cases = new URL('./cases/', import.meta.url);
const page = readFileSync(new URL('../../../../docs/http.md', import.meta.url), 'utf8');

/** Texts in the source that say why a message is refused. */
function refusals(): string[] {
  const found = new Set<string>();
  for (const name of ['chunked', 'decoder', 'framing', 'head-decoder', 'target']) {
    const text = readFileSync(new URL(`${name}.ts`, codec), 'utf8').replace(
      /^import .*$|\/\/.*$|\/\*[\s\S]*?\*\//gm,
      '',
    );
    for (const [, literal] of text.matchAll(/'([a-zA-Z][^'\n]* [^'\n]*)'/g)) found.add(literal);
  }
  return [...found];
}

/** Limits, whose texts have numbers, stand in docs/limits.md. */
const files = readdirSync(cases).filter((name) => name.endsWith('.md'));
const told = new Set(
  files
    .flatMap((name) => readCases(new URL(name, cases)))
    .flatMap(({ events }) => events)
    .map((line) => /^malformed \S+: (.*)$/.exec(line)?.[1])
    .filter((detail) => detail !== undefined),
);

t.test('every refusal of the codec has a case and stands in the page', (t) => {
  const all = refusals();
  t.ok(all.length > 40, `${all.length} refusals`);
  for (const refusal of all) {
    t.ok(told.has(refusal), `a case: ${refusal}`);
    t.ok(page.includes(`\`${refusal}\``), `the page: ${refusal}`);
  }
  t.end();
});

t.test('every case that the page names exists', (t) => {
  const titles = new Set(
    files.flatMap((name) =>
      [...readFileSync(new URL(name, cases), 'utf8').matchAll(/^## (.+)$/gm)].map(([, title]) => `${name}: ${title}`),
    ),
  );
  const rows = [...page.matchAll(/^\| .* \| ([a-z-]+\.md: .*) \|$/gm)];
  t.ok(rows.length > 35, `${rows.length} rows`);
  for (const [, list] of rows) for (const one of list.split('; ')) t.ok(titles.has(one), one);
  t.end();
});
