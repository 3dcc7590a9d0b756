#!/usr/bin/env node
/*
 * Builds everything and runs all tests: `npm test [-- FILE...]`.
 * Prints a line for each test file; of each failure the file, the tests, what was found and wanted, and what the file said meanwhile (tests of meshes say the ends of their
 * programs' logs); each skip with its reason; the slowest files; and at the end the counts of assertions as `N passed, N failed, N skipped`.
 * Exit code 0 only if tests ran and none failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { TapReader } from './tap-reader.mjs';

const slowestFiles = 10;

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
const closed = new Promise((resolve) => tap.once('close', resolve));
const ended = [];
const reader = new TapReader((told) => {
  const report = told.ok ? told : whole(told);
  ended.push(report);
  console.log(report.line);
  if (!report.ok) tell(report);
});
for await (const line of createInterface({ input: tap.stdout })) reader.read(line);
reader.end();
const code = await closed;

// Told again at the end, where it is not overlooked: a skip is a check that did not happen, and a failure is what one looks for.
for (const line of reader.skipped) console.log(`not checked: ${line}`);
console.log('the slowest files:');
for (const { file, ms } of ended.toSorted((a, b) => b.ms - a.ms).slice(0, slowestFiles))
  console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`);
for (const { file, failures } of ended)
  for (const failure of failures) console.log(`failed: ${placeOf(file, failure)}`);
const { pass, fail, skip } = reader.counts;
if (pass === 0) console.error('no test ran');
process.exitCode = code === 0 && fail === 0 && pass > 0 ? 0 : 1;
console.log(`${pass} passed, ${fail} failed, ${skip} skipped`);

/** The words of a file that was ended (it hung, it crashed) are not passed on by the runner; they are in the results that it keeps of each file. */
function whole(report) {
  const expired = report.failures
    .flatMap(({ diagnostics }) => diagnostics)
    .find((line) => line.startsWith('expired: '));
  const file = report.line.includes('timeout!') && expired !== undefined ? expired.slice(9) : report.file;
  let text;
  try {
    text = readFileSync(join(root, '.tap/test-results', `${file}.tap`), 'utf8');
  } catch {
    return { ...report, file };
  }
  let found;
  const again = new TapReader((own) => {
    found = own;
  });
  for (const line of [`# Subtest: ${file}`, ...text.split('\n').map((line) => `    ${line}`), `not ok 1 - ${file}`])
    again.read(line);
  again.end();
  const isEnded = report.failures.every(({ name }) => name === report.file);
  const failures = isEnded
    ? [...report.failures.map((failure) => ({ ...failure, unfinished: found.unfinished })), ...found.failures]
    : report.failures;
  return {
    ...report,
    file,
    failures: failures.filter(({ name }, index) => index === 0 || name !== file),
    said: found.said,
  };
}

function tell({ file, failures, said }) {
  for (const failure of failures) {
    console.log(`\nFAILED ${placeOf(file, failure)}`);
    for (const line of failure.diagnostics) console.log(`    ${line}`);
  }
  console.log(`\n  what ${file} said:`);
  for (const line of said) console.log(`    ${line}`);
  console.log('');
}

function placeOf(file, { tests, name, unfinished }) {
  const place = [file, ...tests.filter((test) => test !== file), ...(name === file ? [] : [name])].join(' > ');
  return unfinished.length === 0
    ? place
    : `${place} (in the middle of: ${unfinished.filter((test) => test !== file).join(' > ')})`;
}

function bin(name, command) {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin: entries } = require(manifest);
  return join(dirname(manifest), typeof entries === 'string' ? entries : entries[command]);
}

function run(script, args, stdio = 'inherit') {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, env, stdio });
  if (status !== 0) process.exit(status ?? 1);
}
