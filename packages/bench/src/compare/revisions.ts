import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** A revision cannot be had: what failed, and its last words. */
export class BadRevision extends Error {
  override readonly name = 'BadRevision';
}

/** A checkout of one revision, built. */
export interface BuiltRevision {
  commit: string;
  /** Path of its `main.js`. */
  program: string;
}

/**
 * The checkout that a folder is in.
 * @throws BadRevision
 */
export function repositoryOf(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (at === dirname(at)) throw new BadRevision(`${folder} is in no git checkout: change into one`);
  }
}

/** Where the program lies in a checkout. */
export const programPath: string = 'packages/cli/dist/main.js';

/**
 * Worktrees of one repository, built. They lie in a folder of its node_modules, under names of equal length: a longer path moves what the process has on
 * its stack, which has been measured to matter (Mytkowicz et al., "Producing wrong data without doing anything obviously wrong", 2009).
 */
export class Revisions {
  readonly #repository: string;
  readonly #folder: string;
  readonly #interrupt: AbortSignal;

  /** @param repository root of a checkout with its dependencies installed. */
  constructor(repository: string, interrupt: AbortSignal) {
    this.#repository = repository;
    this.#folder = join(repository, 'node_modules', '.cache', `tulle-bench-${process.pid}`);
    this.#interrupt = interrupt;
  }

  /**
   * The commit that a name stands for.
   * @throws BadRevision
   */
  async commitOf(name: string): Promise<string> {
    try {
      return (
        await this.#run('git', ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
      ).trim();
    } catch (error) {
      this.#interrupt.throwIfAborted();
      if (!(error instanceof BadRevision)) throw error;
      throw new BadRevision(
        `${name} is neither a folder with a result.json, nor a built checkout, nor a revision of ${this.#repository}`,
      );
    }
  }

  /**
   * Checks a commit out and builds it. Dependencies are those of the repository where the lock files are equal, installed anew where not.
   * @param place name of the folder.
   * @throws BadRevision
   */
  async build(commit: string, place: string): Promise<BuiltRevision> {
    const folder = join(this.#folder, place);
    mkdirSync(this.#folder, { recursive: true });
    await this.#run('git', ['worktree', 'add', '--detach', '--force', folder, commit]);
    const lock = (root: string): string => readFileSync(join(root, 'package-lock.json'), 'utf8');
    if (lock(folder) === lock(this.#repository)) this.#borrowDependencies(folder);
    else await this.#run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], folder);
    await this.#run(
      'npx',
      ['--no-install', 'turbo', 'run', 'build', '--filter=@tulle/cli', '--output-logs=errors-only'],
      folder,
    );
    const program = join(folder, programPath);
    if (!existsSync(program))
      throw new BadRevision(`${commit} was built and has no ${programPath}: is it older than the tulle command?`);
    return { commit, program };
  }

  /** Takes every worktree away again. */
  async remove(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await output('git', ['-C', this.#repository, 'worktree', 'prune'], this.#repository, new AbortController().signal);
  }

  /**
   * Links to each dependency of the repository. The links to the packages themselves have to be the worktree's own: they are copied, and being relative they
   * point into it.
   */
  #borrowDependencies(folder: string): void {
    const [own, theirs] = [join(this.#repository, 'node_modules'), join(folder, 'node_modules')];
    mkdirSync(theirs);
    for (const name of readdirSync(own)) {
      if (name === '.cache') continue;
      if (name !== '@tulle') symlinkSync(relative(theirs, join(own, name)), join(theirs, name));
      else cpSync(join(own, name), join(theirs, name), { recursive: true, verbatimSymlinks: true });
    }
    for (const name of readdirSync(join(folder, 'packages'))) {
      const nested = join('packages', name, 'node_modules');
      if (!existsSync(join(this.#repository, nested))) continue;
      const target = relative(dirname(join(folder, nested)), join(this.#repository, nested));
      symlinkSync(target, join(folder, nested));
    }
  }

  async #run(program: string, args: readonly string[], folder: string = this.#repository): Promise<string> {
    return output(program, args, folder, this.#interrupt);
  }
}

/** Standard output of a program that ended well. */
async function output(
  program: string,
  args: readonly string[],
  folder: string,
  interrupt: AbortSignal,
): Promise<string> {
  interrupt.throwIfAborted();
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  // A group of its own: npx and turbo start others, and one that outlived them would write into a folder that has been taken away.
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const end = (): void => endGroup(child.pid);
  interrupt.addEventListener('abort', end, { once: true });
  const out: string[] = [];
  const all: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out.push(text);
    all.push(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => void all.push(text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  interrupt.removeEventListener('abort', end);
  interrupt.throwIfAborted();
  if (code === 0) return out.join('');
  const words = all.join('').trim().split('\n').slice(-20).join('\n');
  throw new BadRevision(`${program} ${args.join(' ')} failed in ${folder}:\n${words}`);
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended by itself.
  }
}
