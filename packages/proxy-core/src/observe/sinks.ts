/** Where access log lines go: a file, standard output, or the program that embeds the proxy. The only part of stage observe that does I/O. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { LineSink } from './observer.js';

export const noSink: LineSink = { write: () => true };

/** Hands lines to the embedding program, a batch at a time. */
export function callbackSink(take: (lines: string) => void): LineSink {
  return {
    write(lines) {
      take(Buffer.from(lines).toString('latin1'));
      return true;
    },
  };
}

/** How long a sink that failed is left alone before it is tried again: a full disk must not cost a system call a turn. */
const retryAfterMs = 1_000;

/**
 * Appends to a file (O_APPEND: whole lines of several processes do not mix) or to standard output for `-`. A write that fails (a full disk) is reported once and
 * dropped, the proxy goes on; after a second the file is opened anew, so a disk that has room again is used again.
 */
export class FileSink implements LineSink {
  private readonly path: string;
  private readonly warn: (message: string) => void;
  private readonly now: () => number;
  private fd = -1;
  private failedAtMs = Number.NEGATIVE_INFINITY;
  private isReported = false;

  /** Throws when the file cannot be opened at first, so that a wrong path is noticed at the start. */
  constructor(path: string, now: () => number, warn: (message: string) => void) {
    this.path = path;
    this.now = now;
    this.warn = warn;
    try {
      this.open();
    } catch (error) {
      throw new Error(`access log ${path}: ${reasonOf(error)}; name a file that can be written, - or off`, {
        cause: error,
      });
    }
  }

  write(lines: Uint8Array): boolean {
    if (this.fd < 0 && !this.reopen()) return false;
    try {
      for (let at = 0; at < lines.length; ) at += writeSync(this.fd, lines, at);
      this.isReported = false;
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  close(): void {
    if (this.fd > 2) closeSync(this.fd);
    this.fd = -1;
  }

  private open(): void {
    this.fd = this.path === '-' ? 1 : openSync(this.path, 'a', 0o640);
  }

  private reopen(): boolean {
    if (this.now() - this.failedAtMs < retryAfterMs) return false;
    try {
      this.open();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private fail(error: unknown): void {
    this.close();
    this.failedAtMs = this.now();
    if (this.isReported) return;
    this.isReported = true;
    this.warn(
      `access log ${this.path}: ${reasonOf(error)}; lines are dropped and counted until it can be written again`,
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
