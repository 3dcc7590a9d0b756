#!/usr/bin/env node
/*
 * Builds everything and runs all tests: `npm test [-- FILE...]`.
 * Prints a line for each test file, everything about failures, each skip with its reason, and at the end the counts of assertions as `N passed, N failed, N skipped`.
 * Exit code 0 only if tests ran and none failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(join(root, 'package.json'));
const files = process.argv.slice(2);
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };

run(bin('turbo', 'turbo'), ['run', 'build', '--output-logs=errors-only']);
// tap generates its own entry from the list of plugins; a fresh install has that of its defaults.
run(bin('tap', 'tap'), ['build'], 'ignore');

const tap = spawn(process.execPath, [bin('tap', 'tap'), '--reporter=tap', ...files], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const skipped = [];
const counts = { pass: 0, fail: 0, skip: 0, todo: 0 };
let failing = 0;
for await (const line of createInterface({ input: tap.stdout })) {
  const indent = line.length - line.trimStart().length;
  const summary = /^# \{ (.*) \}$/.exec(line);
  if (summary) for (const [, name, count] of summary[1].matchAll(/(\w+): (\d+)/g)) counts[name] = Number(count);
  // A failure is told where it happened: the line, its diagnostics, and the enclosing tests' names that follow.
  if (/^\s*not ok /.test(line)) failing = 40;
  const isSkip = /^\s*ok .*# (SKIP|TODO)/i.test(line);
  if (isSkip) skipped.push(line.trim());
  if (indent === 0 && /^(ok|not ok) /.test(line)) {
    console.log(line);
    failing = 0;
  } else if (failing > 0 || isSkip) {
    console.log(line);
    failing--;
  }
}
const code = await new Promise((resolve) => tap.once('close', resolve));
if (counts.pass === 0) console.error('no test ran');
// Told again at the end, where it is not overlooked: a skip is a check that did not happen.
for (const line of skipped) console.log(`not checked: ${line}`);
process.exitCode = code === 0 && counts.fail === 0 && counts.pass > 0 ? 0 : 1;
console.log(`${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped`);

function bin(name, command) {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin: entries } = require(manifest);
  return join(dirname(manifest), typeof entries === 'string' ? entries : entries[command]);
}

function run(script, args, stdio = 'inherit') {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, env, stdio });
  if (status !== 0) process.exit(status ?? 1);
}
