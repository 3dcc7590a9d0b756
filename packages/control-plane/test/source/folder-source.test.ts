import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type FolderSourceOptions, folderSource } from '../../src/source/folder-source.js';
import type { ConfigSource, SourceState } from '../../src/source/source.js';
import { pod, route, service } from '../manifests.js';

/** So rare that what a test sees was heard of, not found by looking. */
const NEVER_MS = 3_600_000;

const web = service('web', 'ports: [{name: http, port: 80}]');
const toWeb = route('r', 'web', '{backendRefs: [{name: web, port: 80}]}');

/** A new folder with these files, gone after the test. */
function folder(t: Tap, files: Record<string, string> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'tulle source '));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

type Tap = typeof t;

async function start(t: Tap, options: Partial<FolderSourceOptions> & { dirs: string[] }): Promise<Watcher> {
  const source = folderSource({ debounceMs: 10, pollMs: NEVER_MS, ...options });
  t.teardown(() => source.close());
  await source.start();
  return new Watcher(source);
}

/** Lets a test wait for the state that it is about, however many come before it. */
class Watcher {
  readonly source: ConfigSource;
  readonly states: SourceState[] = [];
  #wake: (() => void) | undefined;

  constructor(source: ConfigSource) {
    this.source = source;
    source.onChange((state) => {
      this.states.push(state);
      this.#wake?.();
    });
  }

  async until(wanted: (state: SourceState) => boolean): Promise<SourceState> {
    while (!wanted(this.source.current())) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.source.current();
  }
}

const services = (state: SourceState) => state.model?.services.map(({ name }) => name);
const hasService = (name: string) => (state: SourceState) => services(state)?.includes(name) === true;
const broken = (state: SourceState) => state.problems.length > 0;
const sound = (state: SourceState) => state.model !== undefined && state.problems.length === 0;

t.test('it reads all manifests of a folder and those within it', async (t) => {
  const dir = folder(t, {
    'a.yaml': web,
    'b.yml': service('b', 'ports: [{port: 80}]'),
    'c.txt': 'not: yaml: {',
    '.d.yaml': '{',
  });
  mkdirSync(join(dir, 'deep', 'er'), { recursive: true });
  writeFileSync(join(dir, 'deep', 'er', 'c.yaml'), service('c', 'ports: [{port: 80}]'));
  const { source } = await start(t, { dirs: [dir] });
  t.same(services(source.current()), ['b', 'c', 'web']);
  t.equal(source.current().model?.generation, 1);
});

t.test('an edit is live within 300 ms', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const watcher = await start(t, { dirs: [dir], debounceMs: undefined });
  // The quickest of some: a machine that does not let it run is slow for a while, a source that waits too long always is.
  let quickestMs = Number.POSITIVE_INFINITY;
  let edits = 0;
  while (edits < 20 && quickestMs >= 300) {
    edits++;
    const before = performance.now();
    writeFileSync(join(dir, 'b.yaml'), service(`new-${edits}`, 'ports: [{port: 80}]'));
    const state = await watcher.until(hasService(`new-${edits}`));
    quickestMs = Math.min(quickestMs, performance.now() - before);
    t.equal(state.model?.generation, 1 + edits);
  }
  t.ok(quickestMs < 300, `took ${quickestMs.toFixed(0)} ms`);
});

t.test('a broken edit is told, the last good state stays, and a repair is taken', async (t) => {
  const dir = folder(t, { 'a.yaml': web, 'r.yaml': toWeb });
  const watcher = await start(t, { dirs: [dir] });
  const { model } = watcher.source.current();

  writeFileSync(join(dir, 'r.yaml'), toWeb.replace('name: web, port: 80}]', 'name: wob, port: 80}]'));
  const refused = await watcher.until(broken);
  t.equal(refused.model, model);
  t.match(refused.problems, [{ file: join(dir, 'r.yaml'), line: 2, message: 'there is no Service default/wob' }]);

  writeFileSync(join(dir, 'r.yaml'), 'a: [');
  await watcher.until((state) => state.problems[0]?.message.startsWith('not valid YAML'));
  t.equal(watcher.source.current().model, model);

  writeFileSync(join(dir, 'r.yaml'), toWeb);
  const repaired = await watcher.until(sound);
  t.equal(repaired.model?.generation, 2);
});

t.test('a folder that is broken at first has problems and no model, until it is repaired', async (t) => {
  const dir = folder(t, { 'a.yaml': web.replace('ports', 'prots') });
  const watcher = await start(t, { dirs: [dir] });
  t.match(watcher.source.current(), { model: undefined, problems: [{ line: 1 }, { line: 1 }] });
  writeFileSync(join(dir, 'a.yaml'), web);
  t.same(services(await watcher.until(sound)), ['web']);
});

t.test('a file that is written beside and renamed into place is read', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const watcher = await start(t, { dirs: [dir] });
  writeFileSync(join(dir, '.a.yaml.tmp'), service('new', 'ports: [{port: 80}]'));
  renameSync(join(dir, '.a.yaml.tmp'), join(dir, 'a.yaml'));
  t.same(services(await watcher.until(hasService('new'))), ['new']);
});

t.test('a file that is removed takes its resources with it', async (t) => {
  const dir = folder(t, { 'a.yaml': web, 'b.yaml': service('b', 'ports: [{port: 80}]') });
  const watcher = await start(t, { dirs: [dir] });
  rmSync(join(dir, 'b.yaml'));
  t.same(services(await watcher.until((state) => !hasService('b')(state))), ['web']);
});

t.test('a mounted ConfigMap is changed by a swapped link', async (t) => {
  const dir = folder(t);
  const version = (name: string, text: string) => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'a.yaml'), text);
    symlinkSync(name, join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  };
  version('..1', web);
  symlinkSync(join('..data', 'a.yaml'), join(dir, 'a.yaml'));
  const watcher = await start(t, { dirs: [dir] });
  t.same(services(watcher.source.current()), ['web']);
  version('..2', service('new', 'ports: [{port: 80}]'));
  t.same(services(await watcher.until(hasService('new'))), ['new']);
});

t.test('a folder that is not there is a problem until it appears, and again when it goes', async (t) => {
  const above = folder(t, { 'a.yaml': web });
  const later = join(above, 'x', 'later');
  const watcher = await start(t, { dirs: [later] });
  t.match(watcher.source.current(), {
    model: undefined,
    problems: [{ file: later, message: 'there is no such file or folder', remedy: /Create it/ }],
  });
  mkdirSync(join(above, 'x'));
  mkdirSync(later);
  t.same(services(await watcher.until(sound)), []);
  writeFileSync(join(later, 'a.yaml'), web);
  t.same(services(await watcher.until(hasService('web'))), ['web']);
  rmSync(later, { recursive: true });
  t.same(services(await watcher.until(broken)), ['web'], 'the last good state stays');
});

t.test('a folder within it that appears later is watched too', async (t) => {
  const dir = folder(t);
  const watcher = await start(t, { dirs: [dir] });
  mkdirSync(join(dir, 'sub'));
  writeFileSync(join(dir, 'sub', 'a.yaml'), web);
  await watcher.until(hasService('web'));
  writeFileSync(join(dir, 'sub', 'b.yaml'), service('b', 'ports: [{port: 80}]'));
  t.same(services(await watcher.until(hasService('b'))), ['b', 'web']);
});

t.test('a later folder says what became of a Pod', async (t) => {
  const declared = folder(t, { 'p.yaml': pod('p') });
  const cluster = folder(t);
  const watcher = await start(t, { dirs: [declared, cluster] });
  t.equal(watcher.source.current().model?.findPod('default', 'p')?.podIp, undefined);
  writeFileSync(join(cluster, 'p.yaml'), pod('p', { ip: '10.0.0.1' }));
  const state = await watcher.until(({ model }) => model?.findPod('default', 'p')?.podIp !== undefined);
  t.equal(state.model?.findPod('default', 'p')?.podIp, '10.0.0.1');
});

t.test('a change of which nobody tells is found by looking', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const elsewhere = folder(t, { 'b.yaml': service('b', 'ports: [{port: 80}]') });
  symlinkSync(join(elsewhere, 'b.yaml'), join(dir, 'b.yaml'));
  const watcher = await start(t, { dirs: [dir], pollMs: 20 });
  writeFileSync(join(elsewhere, 'b.yaml'), service('c', 'ports: [{port: 80}]'));
  t.same(services(await watcher.until(hasService('c'))), ['c', 'web']);
});

t.test('looking without a change tells nobody', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const watcher = await start(t, { dirs: [dir], pollMs: 1 });
  writeFileSync(join(dir, 'a.yaml'), web);
  writeFileSync(join(dir, 'notes.txt'), 'x');
  writeFileSync(join(dir, 'b.yaml'), service('b', 'ports: [{port: 80}]'));
  await watcher.until(hasService('b'));
  t.equal(watcher.states.length, 1);
});

t.test('a file that cannot be a manifest is a problem of its own', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  writeFileSync(join(dir, 'b.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]));
  writeFileSync(join(dir, 'c.yaml'), Buffer.alloc(5 * 1024 * 1024, 0x20));
  const { source } = await start(t, { dirs: [dir] });
  t.match(source.current().problems, [
    { file: join(dir, 'b.yaml'), message: 'the file is not UTF-8' },
    { file: join(dir, 'c.yaml'), message: /more than 4194304 bytes/ },
  ]);
});

t.test('a file where a folder should be is a problem', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const { source } = await start(t, { dirs: [join(dir, 'a.yaml')] });
  t.match(source.current().problems, [{ message: 'this is not a folder' }]);
});

t.test('links that go round in a circle are followed once', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  symlinkSync('.', join(dir, 'loop'));
  symlinkSync('nowhere', join(dir, 'dangling.yaml'));
  const { source } = await start(t, { dirs: [dir] });
  t.same(source.current().problems, []);
});

t.test('a closed source is silent', async (t) => {
  const dir = folder(t, { 'a.yaml': web });
  const watcher = await start(t, { dirs: [dir], pollMs: 1 });
  writeFileSync(join(dir, 'b.yaml'), service('b', 'ports: [{port: 80}]'));
  await watcher.source.close();
  const heard = watcher.states.length;
  writeFileSync(join(dir, 'c.yaml'), service('c', 'ports: [{port: 80}]'));
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(watcher.states.length, heard);
});
