import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BadHistory, historyEntry, readHistory, trendOf } from '../../src/report/history.js';
import { runReport } from '../../src/report/report-program.js';
import { renderRunMarkdown } from '../../src/report/run-markdown.js';
import { renderRunPage } from '../../src/report/run-page.js';
import type { BenchResult } from '../../src/result/bench-result.js';
import { madeUpResult } from '../compare/made-up-result.js';

function result(seed = 4): BenchResult {
  const systems = [
    { name: 'tulle-linux', cpuUs: 60 },
    { name: 'haproxy', cpuUs: 62 },
    { name: 'nginx', cpuUs: 58 },
  ];
  const made = madeUpResult({ systems, rounds: 8, seed });
  made.run.startedAt = `2026-11-${10 + seed}T03:00:00.000Z`;
  return made;
}

t.test('the page has the way of a request, bars, latency and rounds, and needs nothing from elsewhere', (t) => {
  const page = renderRunPage(result(), []);
  for (const title of ['The way of a request', 'CPU of the proxies a request in', 'Latency in', 'Rounds of']) {
    t.match(page, new RegExp(`<title>${title}`), title);
  }
  t.match(page, /over haproxy<\/th>/);
  t.match(page, /keep-alive on both sides, as its documentation advises/);
  t.match(page, /listen &lt;here&gt; &amp; &quot;there&quot;/);
  t.notMatch(page, /<script|https?:|url\(|NaN|Infinity|undefined/);
  t.end();
});

t.test('what is missing or failed is named, and has no bar', (t) => {
  const made = result();
  const [, haproxy, nginx] = made.cases[0].systems;
  Object.assign(haproxy, { state: 'missing', reason: 'no haproxy; to install it: apt-get install haproxy' });
  made.cases[0].rounds = made.cases[0].rounds.filter(({ system }) => system !== 'haproxy');
  const last = made.cases[0].rounds.findLast(({ system }) => system === nginx.name);
  if (last !== undefined) Object.assign(last, { valid: false, invalid: ['nginx exited with 1'] });
  const page = renderRunPage(made, []);
  t.match(page, /haproxy is missing: no haproxy; to install it: apt-get install haproxy/);
  t.match(page, /nginx is no measurement: round 8: nginx exited with 1/);
  t.notMatch(page, /over nginx/);
  const markdown = renderRunMarkdown(made);
  t.match(markdown, /- nginx is no measurement/);
  t.notMatch(markdown, /\| nginx \|/);
  t.end();
});

t.test('Markdown has each figure with its interval and the ratio to each peer', (t) => {
  const text = renderRunMarkdown(result());
  t.match(text, /\| tulle-linux \| \d+(\.\d)? µs \(\d+(\.\d)? … \d+(\.\d)?\) \|/);
  t.match(text, /\| over haproxy \| over nginx \|/);
  t.match(text, /\| 0\.9\d \(0\.9\d to \d\.\d\d\) \|/);
  t.end();
});

t.test('the history keeps a line a run, draws those of this machine, and refuses what it cannot read', (t) => {
  const entry = historyEntry(result());
  const elsewhere = { ...entry, machine: { ...entry.machine, kernel: '6.9' } };
  const text = [entry, elsewhere, entry].map((each) => JSON.stringify(each)).join('\n');
  const found = readHistory(`${text}\n`, 'history.jsonl', entry);
  t.equal(found.length, 2);
  const trend = trendOf(found, 'pair-mtls-1k', 'cpu-per-request');
  t.same(
    trend?.map(({ name, points }) => [name, points.length]),
    [
      ['tulle-linux', 2],
      ['haproxy', 2],
      ['nginx', 2],
    ],
  );
  t.equal(trendOf([entry], 'pair-mtls-1k', 'cpu-per-request'), undefined, 'one run is no trend');
  t.throws(
    () => readHistory(`${text}\nnot json`, 'history.jsonl', entry),
    new BadHistory('history.jsonl:4 is no JSON: take the line out, or start another file'),
  );
  t.throws(
    () => readHistory('{}', 'history.jsonl', entry),
    /history.jsonl:1 is undefined, not tulle.dev\/bench-history\/v1/,
  );
  t.end();
});

t.test('a report that is made twice adds one line', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-report-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const history = join(folder, 'history.jsonl');
  for (const seed of [1, 2]) {
    writeFileSync(join(folder, 'result.json'), JSON.stringify(result(seed)));
    t.equal(runReport({ folder, history }), 0);
    t.equal(runReport({ folder, history }), 0);
  }
  t.equal(readFileSync(history, 'utf8').trim().split('\n').length, 2);
  t.match(readFileSync(join(folder, 'report.html'), 'utf8'), /<title>History of cpu-per-request/);
  t.match(readFileSync(join(folder, 'report.md'), 'utf8'), /#### pair-mtls-1k/);
  t.equal(runReport({ folder: join(folder, 'nowhere'), history: undefined }), 2);
  t.end();
});
