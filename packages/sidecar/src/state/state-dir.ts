/** What a sidecar keeps between its lives, so that it serves at once while the control plane is away: its identity, and the last good resources. */
import { join } from 'node:path';
import type { Identity } from '../identity/credentials.js';
import { MAX_SAVED_BYTES, SAVE_INTERVAL_MS } from '../limits.js';
import type { Outside } from '../outside.js';
import type { SavedResources } from '../xds/resource-store.js';
import { openStateDir, readIfThere, writeDurably } from './durable-file.js';
import { decodeIdentity, decodeResources, encodeIdentity, encodeResources, FormatError } from './formats.js';

export interface StateDirOptions {
  readonly path: string;
  readonly spiffeId: string;
  /** Node id. */
  readonly node: string;
  readonly outside: Outside;
}

export class StateDir {
  private readonly options: StateDirOptions;
  private readonly identityFile: string;
  private readonly resourcesFile: string;
  /** What is to be written next; asked for when it is written. */
  private pending: (() => SavedResources) | undefined;
  private writing: Promise<void> | undefined;
  private cancel: () => void = () => {};
  private lastWriteMs = Number.NEGATIVE_INFINITY;

  private constructor(options: StateDirOptions) {
    this.options = options;
    this.identityFile = join(options.path, 'identity.json');
    this.resourcesFile = join(options.path, 'resources.json');
  }

  /** @throws StateDirError */
  static async open(options: StateDirOptions): Promise<StateDir> {
    await openStateDir(options.path);
    return new StateDir(options);
  }

  /** undefined: there is none that is of use; why, the log says. Its certificate may have ended. */
  identity(): Promise<Identity | undefined> {
    const { spiffeId } = this.options;
    return this.read(this.identityFile, (text) => decodeIdentity(text, spiffeId));
  }

  resources(): Promise<SavedResources | undefined> {
    return this.read(this.resourcesFile, (text) => decodeResources(text, this.options.node));
  }

  async saveIdentity(identity: Identity): Promise<void> {
    await this.write(this.identityFile, encodeIdentity(identity));
  }

  /** Saves soon, and not more often than SAVE_INTERVAL_MS. */
  saveResources(resources: () => SavedResources): void {
    const isScheduled = this.pending !== undefined;
    this.pending = resources;
    if (isScheduled || this.writing !== undefined) return;
    this.schedule();
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    this.cancel();
    await this.writing;
    await this.flush();
  }

  private schedule(): void {
    const { now, setTimer } = this.options.outside;
    const waitMs = Math.max(this.lastWriteMs + SAVE_INTERVAL_MS - now(), 0);
    this.cancel = setTimer(waitMs, () => {
      this.writing = this.flush().then(() => {
        this.writing = undefined;
        if (this.pending !== undefined) this.schedule();
      });
    });
  }

  private async flush(): Promise<void> {
    const { pending } = this;
    if (pending === undefined) return;
    this.pending = undefined;
    this.lastWriteMs = this.options.outside.now();
    await this.write(this.resourcesFile, encodeResources(this.options.node, pending()));
  }

  /** A disk that is full must not stop a sidecar that serves. */
  private async write(path: string, content: string): Promise<void> {
    const { log } = this.options.outside;
    if (content.length > MAX_SAVED_BYTES) {
      log.warn({ path, bytes: content.length }, 'too large to be saved: a restart begins without it');
      return;
    }
    try {
      await writeDurably(path, content);
    } catch (error) {
      const remedy =
        'a restart while the control plane is away begins with what was saved before; free space or fix the permissions';
      log.error({ path, reason: (error as Error).message, remedy }, 'state could not be saved');
    }
  }

  private async read<T>(path: string, decode: (text: string) => T): Promise<T | undefined> {
    try {
      const text = await readIfThere(path, MAX_SAVED_BYTES);
      return text === undefined ? undefined : decode(text);
    } catch (error) {
      const reason = error instanceof FormatError ? `the file ${error.message}` : (error as Error).message;
      this.options.outside.log.warn({ path, reason }, 'saved state is of no use; starting fresh');
      return undefined;
    }
  }
}
