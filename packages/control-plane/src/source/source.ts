import type { Problem } from '@tulle/api';
import type { Model } from '../model/model.js';

/** What a source knows now. */
export interface SourceState {
  /** The last good state; undefined until there was one. */
  readonly model: Model | undefined;
  /** Why the configuration as it stands is refused; empty when `model` is what the configuration says. */
  readonly problems: readonly Problem[];
  /** Since when the model was the last good one, RFC 3339, where it was read from disk because the configuration was broken from the start. */
  readonly restoredFrom?: string | undefined;
}

/** Where configuration comes from. A source never ends the process: a bad state is a list of problems. */
export interface ConfigSource {
  /** Resolves when the configuration was read once, be it good or bad. */
  start(): Promise<void>;
  /**
   * Called after each change of the model or of the problems, never before `start` is called.
   * While the first good state is awaited, `model` is undefined.
   */
  onChange(callback: (update: SourceState) => void): void;
  current(): SourceState;
  /** No callback comes after it resolves. */
  close(): Promise<void>;
}
