#!/usr/bin/env node
/*
 * Puts `tulle bench compare` itself to the test: `node scripts/bench-trial.mjs [--equal N] [--slower N] [--percent P] [--pause N] [--memory N] [--minutes M] [--case NAME]`.
 *
 * Builds the commit that is checked out twice, injects a fault into one of them and compares: equal builds (accused in at most 1 of 20), builds that spend P % more
 * CPU a request (found in at least 9 of 10), that stop for 2 ms each second, and that keep what they allocate. The faults are put into the compiled code of one
 * worktree; nothing of them is in the repository. Prints each verdict and the counts; exit code 1 when a rate is missed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Revisions } from '../packages/bench/dist/compare/revisions.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    equal: { type: 'string', default: '20' },
    slower: { type: 'string', default: '10' },
    percent: { type: 'string', default: '3' },
    pause: { type: 'string', default: '0' },
    memory: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '8' },
    case: { type: 'string', default: 'pair-mtls-1k' },
  },
});
/** What is injected, before the first statement of every request. */
const pause =
  'globalThis.nextPause ??= performance.now(); if (performance.now() > globalThis.nextPause) { globalThis.nextPause += 1000; const until = performance.now() + 2; while (performance.now() < until); }';
const memory = '(globalThis.kept ??= []).push(new Uint8Array(512));';
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupt.abort());
const revisions = new Revisions(root, interrupt.signal);
let failed = false;
try {
  const commit = await revisions.commitOf('HEAD');
  const [base, head] = [await checkout(commit, 'base'), await checkout(commit, 'head')];
  const first = await compare(base, head, '2');
  const cpuUs = first.cases[0].metrics[0].base;
  const hops = first.cases[0].definition.hops;
  const spinUs = (cpuUs * Number(values.percent)) / 100 / hops;
  console.log(
    `${cpuUs.toFixed(1)} µs a request; ${values.percent} % of it are ${spinUs.toFixed(2)} µs in each of ${hops} proxies`,
  );
  await trial('equal', Number(values.equal), '');
  await trial('slower', Number(values.slower), spin(spinUs));
  await trial('pause', Number(values.pause), pause);
  await trial('memory', Number(values.memory), memory);

  /** Runs comparisons with a fault in the head and counts the accusations. */
  async function trial(name, runs, fault) {
    if (runs === 0 || interrupt.signal.aborted) return;
    const undo = inject(head, fault);
    let accused = 0;
    let open = 0;
    for (let run = 1; run <= runs && !interrupt.signal.aborted; run++) {
      const { verdict, reasons } = await compare(base, head);
      if (verdict === 'fail') accused += 1;
      if (verdict === 'inconclusive') open += 1;
      console.log(`${name} ${run}/${runs}: ${verdict}${reasons.length === 0 ? '' : `: ${reasons[0]}`}`);
    }
    undo();
    const held = name === 'equal' ? accused <= runs / 20 : accused >= (runs * 9) / 10;
    if (!held) failed = true;
    console.log(`${name}: ${accused} of ${runs} accused, ${open} inconclusive: ${held ? 'held' : 'missed'}`);
  }
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
  console.log('interrupted');
} finally {
  await revisions.remove();
}
process.exitCode = failed || interrupt.signal.aborted ? 1 : 0;

/** A worktree that is built; `tulle bench compare` takes its folder. */
async function checkout(commit, place) {
  console.log(`building ${place}`);
  const { program } = await revisions.build(commit, place);
  return join(dirname(program), '..', '..', '..');
}

async function compare(base, head, rounds) {
  const program = join(root, 'packages/cli/dist/main.js');
  const options = [
    '--cases',
    values.case,
    '--minutes',
    values.minutes,
    '-o',
    'json',
    ...(rounds === undefined ? [] : ['--rounds', rounds]),
  ];
  const args = [program, 'bench', 'compare', base, head, ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => child.kill('SIGINT');
  interrupt.signal.addEventListener('abort', end, { once: true });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  interrupt.signal.removeEventListener('abort', end);
  interrupt.signal.throwIfAborted();
  if (![0, 1, 3].includes(status)) throw new Error(`tulle bench compare ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Puts statements before the first of every request, on both sides of a proxy. Returns what takes them out again. */
function inject(folder, statements) {
  const undo = ['outbound', 'inbound'].map((side) => {
    const file = join(folder, `packages/proxy-core/dist/${side}.js`);
    const text = readFileSync(file, 'utf8');
    const changed = text.replace(/^( {4}request\(client, downstream, head\) \{)$/m, `$1 ${statements}`);
    if (statements !== '' && changed === text) throw new Error(`${file} has no request(client, downstream, head)`);
    writeFileSync(file, changed);
    return () => writeFileSync(file, text);
  });
  return () => {
    for (const each of undo) each();
  };
}

function spin(us) {
  return `for (const until = performance.now() + ${us / 1000}; performance.now() < until; );`;
}
