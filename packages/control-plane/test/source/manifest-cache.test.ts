import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ManifestCache } from '../../src/source/manifest-cache.js';

function account(name: string): string {
  return `{apiVersion: v1, kind: ServiceAccount, metadata: {name: ${name}}}`;
}

t.test(
  'two edits within one tick of the clock are both seen, though neither size nor time tells them apart',
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tulle-cache-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const cache = new ManifestCache();
    for (let i = 10; i < 60; i++) {
      writeFileSync(join(dir, 'a.yaml'), account(`a${i}`));
      const { contents, changed } = await cache.read([dir]);
      const seen = contents[0].resources[0].resource.metadata.name;
      if (!changed || seen !== `a${i}`) t.fail(`saw ${seen} instead of a${i}`);
    }
  },
);

t.test('what did not change is not parsed again', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tulle-cache-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const cache = new ManifestCache();
  writeFileSync(join(dir, 'a.yaml'), account('a'));
  const first = await cache.read([dir]);
  writeFileSync(join(dir, 'a.yaml'), account('a'));
  writeFileSync(join(dir, 'b.yaml'), account('b'));
  const second = await cache.read([dir]);
  t.equal(second.contents[0].resources[0], first.contents[0].resources[0]);
  t.equal(second.changed, true);
  t.equal((await cache.read([dir])).changed, false);
});
