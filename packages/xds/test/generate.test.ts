import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

const packageDir = join(import.meta.dirname, '..');

/** A copy of the package, without what is generated, in a folder whose name has a space. */
function copyOfPackage(): string {
  const root = mkdtempSync(join(tmpdir(), 'tulle xds '));
  const copy = join(root, 'packages', 'xds');
  mkdirSync(join(copy, 'src'), { recursive: true });
  for (const name of ['scripts', 'proto', 'package.json'])
    cpSync(join(packageDir, name), join(copy, name), { recursive: true });
  symlinkSync(join(packageDir, 'node_modules'), join(copy, 'node_modules'));
  symlinkSync(join(packageDir, '..', '..', 'node_modules'), join(root, 'node_modules'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  return copy;
}

async function generate(copy: string): Promise<number> {
  const child = spawn(process.execPath, [join(copy, 'scripts', 'generate.mjs')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'close');
  return code;
}

/** File name -> text, of all below src/gen. */
function generated(copy: string): Map<string, string> {
  const dir = join(copy, 'src', 'gen');
  const names = readdirSync(dir, { recursive: true }).map(String).sort();
  const files = names.filter((name) => statSync(join(dir, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

t.test('the generator', async (t) => {
  const copy = copyOfPackage();
  t.same(await Promise.all([generate(copy), generate(copy)]), [0, 0], 'two runs at once both succeed');
  const first = generated(copy);
  t.notOk(
    [...first.keys()].some((name) => name.endsWith('.tmp')),
    'and leave nothing half-written',
  );
  t.ok(first.has('tulle/identity/v1/certificate_pb.ts'));

  const victim = join(copy, 'src', 'gen', 'tulle', 'identity', 'v1', 'certificate_pb.ts');
  const kept = join(copy, 'src', 'gen', 'envoy', 'config', 'cluster', 'v3', 'cluster_pb.ts');
  const before = statSync(kept).mtimeMs;
  rmSync(victim);
  t.equal(await generate(copy), 0);
  t.same(generated(copy), first, 'a deleted file comes back');
  t.equal(statSync(kept).mtimeMs, before, 'and the others are not touched');
});
