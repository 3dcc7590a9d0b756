#!/usr/bin/env node
/* `npm run ok`: format, lint, types, layers, cycles, API reference, dead exports, documents and unit tests. Stops at nothing: all that is wrong is told at once. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Tests that start processes, namespaces or real meshes belong to `npm test` alone. */
const notUnit = /\/(e2e|kernel)\/|testbed\/test\/testbed/;
const steps = [
  ['format and lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']],
  ['types', 'npx', ['turbo', 'run', 'build', '--output-logs=errors-only']],
  ['structure', process.execPath, ['scripts/structure.mjs']],
  ['API reference', process.execPath, ['scripts/api-docs.mjs', '--check']],
  ['dead exports', 'npx', ['knip']],
  ['unit tests', process.execPath, ['scripts/test.mjs', ...unitTests()]],
];
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
const failed = [];
for (const [name, command, args] of steps) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? '\nok' : `\nnot ok: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function unitTests() {
  const files = [];
  const walk = (folder) => {
    for (const name of readdirSync(join(root, folder))) {
      const path = join(folder, name);
      if (statSync(join(root, path)).isDirectory()) walk(path);
      else if (name.endsWith('.test.ts') && !notUnit.test(path)) files.push(path);
    }
  };
  for (const name of readdirSync(join(root, 'packages'))) walk(join('packages', name, 'test'));
  return files;
}
