import t from 'tap';
import { compareInterleaved } from '../../src/compare/compare-results.js';
import type { Comparison } from '../../src/compare/comparison.js';
import { renderComparisonPage } from '../../src/report/compare-page.js';
import { renderComparisonMarkdown, renderComparisonText } from '../../src/report/compare-text.js';
import { chanceText, changeText, figureText } from '../../src/report/words.js';
import { madeUpResult } from '../compare/made-up-result.js';

function comparison(headUs: number, label = 'HEAD'): Comparison {
  const systems = [
    { name: 'base', cpuUs: 60 },
    { name: 'again', cpuUs: 60 },
    { name: 'head', cpuUs: headUs },
  ];
  const result = madeUpResult({ systems, rounds: 12, seed: 4 });
  return compareInterleaved(
    result,
    { label: 'main', commit: '0123456789abcdef', changed: false },
    { label, commit: undefined, changed: true },
  );
}

t.test('figures and changes are written with their units and no digit too many', (t) => {
  t.equal(figureText(41.234, 'µs'), '41.2 µs');
  t.equal(figureText(1234, 'µs'), '1.23 ms');
  t.equal(figureText(18_345, 'requests/s'), '18,300 requests/s');
  t.equal(figureText(61.3 * 2 ** 20, 'bytes'), '61.3 MiB');
  t.equal(figureText(Number.NaN, 'µs'), '–');
  t.equal(changeText(1.031), '+3.1 %');
  t.equal(changeText(0.996), '−0.4 %');
  t.equal(changeText(1.0001), '±0.0 %');
  t.equal(changeText(1.234), '+23 %');
  t.equal(changeText(4.2), '×4.2');
  t.equal(changeText(0), '–');
  t.equal(chanceText(0.00001), 'p < 0.0001');
  t.end();
});

t.test('the comment says the verdict first, what decided it, and folds the rest', (t) => {
  const text = renderComparisonMarkdown(comparison(66));
  const [shown, folded] = text.split('<details>');
  t.match(shown, /^### Benchmark: Fail\n\n`main \(0123456789ab\)` → `HEAD with changes`/);
  t.match(shown, /\| `pair-mtls-1k` \| CPU of the proxies a request \| .* \| \*\*▲ worse\*\* \|/);
  t.notMatch(shown, /memory of the proxies/);
  t.match(folded, /memory of the proxies/);
  t.match(folded, /<\/details>/);
  t.ok(shown.split('\n').length < 20, 'short');
  t.end();
});

t.test('a pass shows the promised metric and that it is the same', (t) => {
  const text = renderComparisonMarkdown(comparison(60)).split('<details>')[0];
  t.match(text, /^### Benchmark: Pass/);
  t.match(text, /CPU of the proxies a request .*= same/);
  t.match(renderComparisonText(comparison(60)), /\nPass: /);
  t.end();
});

t.test('a name of others is text: no markup, no mention, no second column', (t) => {
  const evil = comparison(60, '<img src=x onerror=alert(1)>`@somebody|');
  evil.cases[0].title = '<script>alert(1)</script> @somebody [x](http://y) | z';
  const page = renderComparisonPage(evil);
  t.notMatch(page, /<script|<img/);
  t.match(page, /&lt;script&gt;/);
  const markdown = renderComparisonMarkdown(evil);
  t.notMatch(markdown, /[^\\]<script/);
  t.notMatch(markdown, /(?<!`[^`]*)@somebody/);
  t.end();
});

t.test('the page needs nothing from elsewhere and runs nothing', (t) => {
  const page = renderComparisonPage(comparison(66));
  t.notMatch(page, /<script|https?:|@import|url\(|<link/);
  t.match(page, /default-src 'none'/);
  t.match(page, /prefers-color-scheme:dark/);
  t.equal(page.match(/<svg /g)?.length, 2 + 6, 'changes, latency, and rounds of each metric');
  t.notMatch(page, /NaN|Infinity|undefined/);
  t.end();
});

t.test('the page of a comparison in which nothing could be judged says so', (t) => {
  const empty = comparison(60);
  Object.assign(empty.cases[0], { metrics: [], latency: [], faults: { base: [], head: ['it exited with 1'] } });
  const page = renderComparisonPage(empty);
  t.match(page, /The head is no measurement: it exited with 1/);
  t.notMatch(page, /<svg|NaN|undefined/);
  t.end();
});
