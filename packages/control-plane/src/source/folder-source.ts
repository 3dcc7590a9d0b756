import type { BigIntStats } from 'node:fs';
import { parseManifest } from '@tulle/api';
import { buildModel, byPlace } from '../model/build.js';
import type { LastGood } from './last-good.js';
import { DEBOUNCE_MS, MAX_DEBOUNCE_MS, POLL_MS } from './limits.js';
import { ManifestCache } from './manifest-cache.js';
import { realTimers, Settle, type Timers } from './settle.js';
import type { ConfigSource, SourceState } from './source.js';
import { FolderWatches } from './watch-folders.js';

export interface FolderSourceOptions {
  /** In order: what a later folder says of a Pod replaces what an earlier one says of it. */
  dirs: readonly string[];
  /** Quiet time after a change; 50 unless given. */
  debounceMs?: number;
  /** How often to look without having heard of a change; 1000 unless given. */
  pollMs?: number;
  timers?: Timers;
  /** Where the last good configuration is kept; nowhere unless given. */
  lastGood?: LastGood;
}

/**
 * Configuration from folders of YAML, watched.
 *
 * A state in which anything is wrong is refused as a whole: its problems are told, and the last good model stays, the one of an earlier run where this one has had none.
 */
export function folderSource(options: FolderSourceOptions): ConfigSource {
  return new FolderSource(options);
}

class FolderSource implements ConfigSource {
  readonly #dirs: readonly string[];
  readonly #pollMs: number;
  readonly #timers: Timers;
  readonly #settle: Settle;
  readonly #watches: FolderWatches;
  readonly #cache = new ManifestCache();
  readonly #lastGood: LastGood | undefined;
  readonly #callbacks: ((update: SourceState) => void)[] = [];
  #state: SourceState = { model: undefined, problems: [] };
  /** Of the last read; those of the model are not among them, since they follow from what did not change. */
  #fileProblems: SourceState['problems'] = [];
  #generation = 0;
  #poll: { cancel(): void } | undefined;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #readOnce = false;
  #triedDisk = false;
  #closed = false;

  constructor(options: FolderSourceOptions) {
    const { dirs, debounceMs = DEBOUNCE_MS, pollMs = POLL_MS, timers = realTimers, lastGood } = options;
    this.#dirs = dirs;
    this.#lastGood = lastGood;
    this.#pollMs = pollMs;
    this.#timers = timers;
    const longestMs = Math.max(debounceMs, MAX_DEBOUNCE_MS);
    this.#settle = new Settle(debounceMs, longestMs, timers, () => void this.#look());
    this.#watches = new FolderWatches(() => this.#settle.event());
  }

  async start(): Promise<void> {
    await this.#look();
    // What changed between the first read and the first watch was heard by nobody.
    await this.#look();
    this.#pollLater();
  }

  onChange(callback: (update: SourceState) => void): void {
    this.#callbacks.push(callback);
  }

  current(): SourceState {
    return this.#state;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#settle.cancel();
    this.#poll?.cancel();
    this.#watches.close();
    await this.#reading;
    this.#lastGood?.close();
  }

  /** Reads the folders; while they are being read, once more afterwards. */
  #look(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#readUntilSettled().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readUntilSettled(): Promise<void> {
    do {
      this.#readAgain = false;
      await this.#read();
    } while (this.#readAgain && !this.#closed);
  }

  async #read(): Promise<void> {
    const { contents, changed } = await this.#cache.read(this.#dirs);
    if (this.#closed) return;
    const folders = new Map<string, BigIntStats>();
    for (const { scan } of contents) for (const [path, stats] of scan.folders) folders.set(path, stats);
    this.#watches.follow(this.#dirs, folders);

    const problems = contents.flatMap((content) => content.problems).sort(byPlace);
    if (!changed && this.#readOnce && sameProblems(problems, this.#fileProblems)) return;
    this.#readOnce = true;
    this.#fileProblems = problems;
    if (problems.length > 0) {
      this.#refuse(problems);
      return;
    }
    const layers = contents.map(({ resources }) => resources);
    const result = buildModel(this.#generation + 1, layers);
    if (result.model === undefined) {
      this.#refuse(result.problems);
      return;
    }
    this.#generation = result.model.generation;
    this.#lastGood?.save(contents.map(({ files }, index) => ({ dir: this.#dirs[index], files })));
    this.#publish({ model: result.model, problems: result.problems });
  }

  #refuse(problems: SourceState['problems']): void {
    const { model, restoredFrom } = this.#state;
    this.#publish({ ...(model === undefined ? this.#restored() : { model, restoredFrom }), problems });
  }

  /** The last good model of an earlier run, once, if there is one. */
  #restored(): Pick<SourceState, 'model' | 'restoredFrom'> {
    if (this.#triedDisk) return { model: undefined };
    this.#triedDisk = true;
    const saved = this.#lastGood?.read(this.#dirs);
    if (saved === undefined) return { model: undefined };
    const layers = saved.folders.map(({ files }) => files.map(({ path, text }) => parseManifest(path, text)));
    const result = buildModel(
      this.#generation + 1,
      layers.map((manifests) => manifests.flatMap(({ resources }) => resources)),
    );
    const isSound = layers.flat().every(({ problems }) => problems.length === 0);
    if (!isSound || result.model === undefined) {
      this.#lastGood?.refuse('this program finds something wrong with it');
      return { model: undefined };
    }
    this.#generation = result.model.generation;
    return { model: result.model, restoredFrom: saved.savedAt };
  }

  #publish(state: SourceState): void {
    this.#state = Object.freeze(state);
    for (const callback of this.#callbacks) callback(state);
  }

  #pollLater(): void {
    if (this.#closed) return;
    this.#poll = this.#timers.after(this.#pollMs, () => {
      void this.#look().then(() => this.#pollLater());
    });
  }
}

function sameProblems(a: SourceState['problems'], b: SourceState['problems']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
