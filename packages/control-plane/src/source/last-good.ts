import { readFileSync, statSync } from 'node:fs';
import { writeDurably } from '../ca/durable-file.js';
import type { Log, SetTimer } from '../serve/events.js';
import { MAX_SAVED_BYTES, SAVE_INTERVAL_MS } from './limits.js';

/** What one folder said. */
export interface SavedFolder {
  readonly dir: string;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** The manifests of a good configuration, as texts: whoever reads them checks them as if they were new. */
export interface SavedConfig {
  /** RFC 3339. */
  readonly savedAt: string;
  readonly folders: readonly SavedFolder[];
}

export interface LastGoodOptions {
  /** In a folder that is for this user alone. The file is too (mode 0600): it says who may talk to whom. */
  readonly file: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly setTimer: SetTimer;
}

const VERSION = 1;

/** The last good configuration on disk, so that a control plane that is started while the files are broken serves what was served before. */
export class LastGood {
  readonly #options: LastGoodOptions;
  #pending: readonly SavedFolder[] | undefined;
  #cancel: () => void = () => {};
  #lastSaveMs = Number.NEGATIVE_INFINITY;

  constructor(options: LastGoodOptions) {
    this.#options = options;
  }

  /** undefined: there is none that is of use; why, the log says. */
  read(dirs: readonly string[]): SavedConfig | undefined {
    const { file } = this.#options;
    try {
      if (statSync(file).size > MAX_SAVED_BYTES) throw new Error(`has more than ${MAX_SAVED_BYTES} bytes`);
      return decode(readFileSync(file, 'utf8'), dirs);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.refuse((error as Error).message);
      return undefined;
    }
  }

  /** Says that what was read is of no use. */
  refuse(reason: string): void {
    const { file, log } = this.#options;
    log.warn({ file, reason }, 'the saved configuration is of no use');
  }

  /** Saves soon, and not more often than SAVE_INTERVAL_MS. */
  save(folders: readonly SavedFolder[]): void {
    const isScheduled = this.#pending !== undefined;
    this.#pending = folders;
    if (isScheduled) return;
    const waitMs = Math.max(0, this.#lastSaveMs + SAVE_INTERVAL_MS - this.#options.now());
    this.#cancel = this.#options.setTimer(waitMs, () => this.#flush());
  }

  /** Writes what is still to be written. */
  close(): void {
    this.#cancel();
    this.#flush();
  }

  /** A disk that is full must not stop a control plane that serves. */
  #flush(): void {
    const { file, log, now } = this.#options;
    if (this.#pending === undefined) return;
    const config: SavedConfig = { savedAt: new Date(now()).toISOString(), folders: this.#pending };
    this.#pending = undefined;
    this.#lastSaveMs = now();
    const text = `${JSON.stringify({ version: VERSION, ...config })}\n`;
    try {
      if (text.length > MAX_SAVED_BYTES) throw new Error(`it has more than ${MAX_SAVED_BYTES} bytes`);
      writeDurably(file, text, 0o600);
    } catch (error) {
      const remedy =
        'a restart while the files are broken begins with what was saved before; free space or fix the permissions';
      log.error({ file, reason: (error as Error).message, remedy }, 'the configuration could not be saved');
    }
  }
}

/** @throws Error, with what is wrong and nothing of the content. */
function decode(text: string, dirs: readonly string[]): SavedConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(text === '' ? 'it is empty' : 'it is not whole');
  }
  const { version, savedAt, folders } = (json ?? {}) as Partial<Record<string, unknown>>;
  if (version !== VERSION)
    throw new Error(`it has version ${JSON.stringify(version)?.slice(0, 20)}, this program knows ${VERSION}`);
  if (typeof savedAt !== 'string' || Number.isNaN(Date.parse(savedAt)) || !Array.isArray(folders)) {
    throw new Error('it has not the expected fields');
  }
  if (!folders.every(isFolder)) throw new Error('it has a folder that is none');
  const isOfThese = folders.length === dirs.length && folders.every(({ dir }, index) => dir === dirs[index]);
  if (!isOfThese) throw new Error('it is of other folders than --config names');
  return { savedAt, folders };
}

function isFolder(value: unknown): value is SavedFolder {
  const { dir, files } = (value ?? {}) as Partial<SavedFolder>;
  return (
    typeof dir === 'string' &&
    Array.isArray(files) &&
    files.every((file) => typeof file?.path === 'string' && typeof file.text === 'string')
  );
}
