import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BadRevision, Revisions, repositoryOf } from '../../src/compare/revisions.js';
import { BadCompareOptions, runComparison } from '../../src/compare/run-compare.js';
import { madeUpResult } from './made-up-result.js';

const signal = new AbortController().signal;

/** A repository with one commit and no package in it. */
function repository(): { folder: string; git: (...args: string[]) => string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tulle-revisions-')));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const git = (...args: string[]): string => {
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false'];
    const { status, stdout, stderr } = spawnSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  git('init', '-q');
  mkdirSync(join(folder, 'packages'));
  writeFileSync(join(folder, 'packages', 'none'), '');
  for (const name of ['package.json', 'package-lock.json']) writeFileSync(join(folder, name), '{}');
  mkdirSync(join(folder, 'node_modules', '@tulle'), { recursive: true });
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  return { folder, git };
}

function compare(base: string, head: string, folder: string): Promise<unknown> {
  const options = { base, head, cases: [], seconds: 1, rounds: 1, engine: 'linux' as const, folder, command: [] };
  const listener = { caseStarts: () => {}, event: () => {}, caseEnds: () => {} };
  return runComparison(options, listener, () => {}, signal);
}

t.test('names of revisions are looked up, and what is none is told with its remedy', async (t) => {
  const { folder, git } = repository();
  const revisions = new Revisions(folder, signal);
  t.equal(await revisions.commitOf('HEAD'), git('rev-parse', 'HEAD'));
  await t.rejects(revisions.commitOf('nowhere'), {
    name: 'BadRevision',
    message: `nowhere is neither a folder with a result.json, nor a built checkout, nor a revision of ${folder}`,
  });
  // A name that git would take for an option stays a name.
  await t.rejects(revisions.commitOf('--output=x'), BadRevision);
});

t.test('a revision that cannot be built says so, and no worktree stays behind', async (t) => {
  const { folder, git } = repository();
  await t.rejects(compare('HEAD', 'HEAD', folder), BadRevision);
  t.equal(git('worktree', 'list').split('\n').length, 1);
  const cache = join(folder, 'node_modules', '.cache');
  t.same(existsSync(cache) ? readdirSync(cache) : [], []);
});

t.test('the checkout of a folder is found from below', (t) => {
  const { folder } = repository();
  t.equal(repositoryOf(join(folder, 'packages')), folder);
  t.throws(() => repositoryOf('/'), BadRevision);
  t.end();
});

t.test('a result folder is compared with another one only, and only if it can be read', async (t) => {
  const { folder } = repository();
  const make = (name: string, text: string): string => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'result.json'), text);
    return join(folder, name);
  };
  const good = make(
    'good',
    JSON.stringify(madeUpResult({ systems: [{ name: 'tulle-linux', cpuUs: 60 }], rounds: 6, seed: 1 })),
  );
  const old = make('old', '{"schema":"tulle.dev/bench-result/v0"}');
  const broken = make('broken', '{');
  await t.rejects(compare(good, 'HEAD', folder), /one side is a result folder and the other is not/);
  await t.rejects(
    compare(good, old, folder),
    /result.json is tulle.dev\/bench-result\/v0, not tulle.dev\/bench-result\/v1/,
  );
  await t.rejects(compare(broken, good, folder), BadCompareOptions);
  t.match(await compare(good, good, folder), { comparison: { design: 'separate', verdict: 'inconclusive' } });
});
