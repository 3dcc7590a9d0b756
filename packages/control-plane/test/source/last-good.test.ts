import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { folderSource } from '../../src/source/folder-source.js';
import { LastGood } from '../../src/source/last-good.js';
import { SAVE_INTERVAL_MS } from '../../src/source/limits.js';
import type { ConfigSource } from '../../src/source/source.js';
import { service } from '../manifests.js';

const web = service('web', 'ports: [{name: http, port: 80}]');
const broken = web.replace('ports', 'prots');

type Test = Pick<typeof t, 'testdir' | 'teardown'>;

function place(t: Test) {
  const dir = t.testdir({ config: { 'a.yaml': web }, state: {} });
  return { dir, config: join(dir, 'config'), file: join(dir, 'state', 'last-good-config.json') };
}

/** One life of a source: the log is what it says of its disk. */
async function live(file: string, ...dirs: string[]): Promise<{ source: ConfigSource; lines: string[] }> {
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: write, info: write, warn: write, error: write } as never;
  const lastGood = new LastGood({ file, log, now: () => 1_700_000_000_000, setTimer: () => () => {} });
  const source = folderSource({ dirs, pollMs: 3_600_000, lastGood });
  await source.start();
  return { source, lines };
}

const names = (source: ConfigSource) => source.current().model?.services.map(({ name }) => name);

t.test('a start with broken files serves what was good last, says since when, and takes what is mended', async (t) => {
  const { config, file } = place(t);
  await (await live(file, config)).source.close();
  t.equal(statSync(file).mode & 0o777, 0o600);

  writeFileSync(join(config, 'a.yaml'), broken);
  const { source, lines } = await live(file, config);
  t.teardown(() => source.close());
  t.same(lines, []);
  t.same(names(source), ['web']);
  t.match(source.current(), { restoredFrom: '2023-11-14T22:13:20.000Z', problems: [{ file: /a\.yaml/ }, {}] });

  const mended = new Promise<void>((resolve) => {
    source.onChange(({ problems }) => problems.length === 0 && resolve());
  });
  writeFileSync(join(config, 'a.yaml'), service('next', 'ports: [{port: 80}]'));
  await mended;
  t.same([names(source), source.current().restoredFrom], [['next'], undefined]);
});

t.test('a broken state is not what was good last, however often it is started', async (t) => {
  const { config, file } = place(t);
  await (await live(file, config)).source.close();
  writeFileSync(join(config, 'a.yaml'), broken);
  for (let life = 0; life < 3; life++) {
    const { source } = await live(file, config);
    t.same(names(source), ['web']);
    await source.close();
  }
});

t.test('what is on disk is checked: of no use it is told, and nothing is served', async (t) => {
  const { dir, config, file } = place(t);
  await (await live(file, config)).source.close();
  const good = readFileSync(file, 'utf8');
  writeFileSync(join(config, 'a.yaml'), broken);
  const cases: [text: string, reason: RegExp][] = [
    ['', /it is empty/],
    [good.slice(0, -10), /it is not whole/],
    ['null', /has version undefined/],
    [good.replace('"version":1', '"version":2'), /has version 2, this program knows 1/],
    [good.replace(/"savedAt":"[^"]+"/, '"savedAt":"once"'), /has not the expected fields/],
    [good.replace('"text"', '"words"'), /has a folder that is none/],
    [good.replace('prots', 'ports').replace('ports:', 'prots:'), /this program finds something wrong with it/],
    [good.replaceAll(config, join(dir, 'other')), /is of other folders/],
  ];
  for (const [text, reason] of cases) {
    writeFileSync(file, text);
    const { source, lines } = await live(file, config);
    t.equal(names(source), undefined, String(reason));
    t.match(lines, [reason]);
    t.equal(lines.length, 1, 'once');
    await source.close();
  }
});

t.test('a disk that fails is told, and stops nothing', async (t) => {
  const { config, file } = place(t);
  mkdirSync(file);
  const { source, lines } = await live(file, config);
  t.same(names(source), ['web']);
  await source.close();
  t.match(lines, [/the configuration could not be saved .*remedy/]);
});

t.test('many changes are written once in a while, the last of them for sure', async (t) => {
  const { file } = place(t);
  let nowMs = 1_700_000_000_000;
  const timers: { ms: number; run: () => void }[] = [];
  const setTimer = (ms: number, run: () => void) => {
    timers.push({ ms, run });
    return () => {};
  };
  const lastGood = new LastGood({ file, log: {} as never, now: () => nowMs, setTimer });
  const saved = () => (JSON.parse(readFileSync(file, 'utf8')) as { folders: { dir: string }[] }).folders[0].dir;
  const change = (dir: string) => lastGood.save([{ dir, files: [] }]);
  change('one');
  change('two');
  t.equal(timers.length, 1);
  t.equal(timers[0].ms, 0);
  timers[0].run();
  t.equal(saved(), 'two');
  nowMs += 100;
  change('three');
  t.equal(timers[1].ms, SAVE_INTERVAL_MS - 100);
  t.equal(saved(), 'two');
  lastGood.close();
  t.equal(saved(), 'three');
});
