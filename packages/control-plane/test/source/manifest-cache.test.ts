import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { isUnchanged, ManifestCache } from '../../src/source/manifest-cache.js';

function account(name: string): string {
  return `{apiVersion: v1, kind: ServiceAccount, metadata: {name: ${name}}}`;
}

const times = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4_000_000n, ctimeNs: 5_000_000n, ctimeMs: 5n };

t.test('a file is as it was read when nothing of it differs and it had been quiet for a while', async (t) => {
  t.equal(isUnchanged(times, 10_000, times), true);
  for (const field of ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const) {
    t.equal(isUnchanged(times, 10_000, { ...times, [field]: 9n }), false, field);
  }
});

t.test('a file that had just changed when it was read may have changed again within the same tick', async (t) => {
  t.equal(isUnchanged(times, 6, times), false);
  t.equal(isUnchanged(times, 5 + 2000, times), false);
  t.equal(isUnchanged(times, 5 + 2001, times), true);
});

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
