/** Where access log lines go: a file, standard output, or the program that embeds the proxy. The only part of stage observe that does I/O. */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { ProxyError } from '../proxy-error.js';
import type { LineSink } from './observer.js';

export const noSink: LineSink = { write: () => 0 };

/**
 * Hands lines to the embedding program, a batch at a time. A program that does not keep up must not make the memory grow: while `maxHeldLogBytes` are on the way to it,
 * further batches are dropped and counted.
 */
export class CallbackSink implements LineSink {
  private readonly taken: Int32Array;
  private readonly take: (lines: string) => void;
  /** Bytes handed over, modulo 2^32. */
  private sent: number;

  /** `taken`: bytes that the program has taken so far, modulo 2^32, written by its own thread. */
  constructor(taken: Int32Array, take: (lines: string) => void) {
    this.taken = taken;
    this.take = take;
    this.sent = Atomics.load(taken, 0);
  }

  write(lines: Uint8Array): number {
    const waiting = (this.sent - Atomics.load(this.taken, 0)) >>> 0;
    if (waiting > 0 && waiting + lines.length > maxHeldLogBytes) return countLines(lines);
    this.sent = (this.sent + lines.length) | 0;
    this.take(Buffer.from(lines).toString('latin1'));
    return 0;
  }
}

/** How long a sink that failed is left alone before it is tried again: a full disk must not cost a system call a turn. */
const retryAfterMs = 1_000;
/** How often it is looked whether the file was renamed away (log rotation). At the edge: lines of this long may still go to the old file. */
const rotationCheckMs = 1_000;
/**
 * Bytes kept for a reader that is slower than the proxy (a pipe on standard output, a program's function): some thousand lines, a second's worth at a high rate.
 * At the edge: whole lines are dropped and counted.
 */
export const maxHeldLogBytes = 1_048_576;

const newline = 10;
const none = new Uint8Array(0);

/** The calls to the operating system, for tests to stand in for. */
export interface LogCalls {
  /** Bytes written; throws an error with `code` EAGAIN where a pipe is full. */
  write(fd: number, bytes: Uint8Array): number;
}

const system: LogCalls = { write: (fd, bytes) => writeSync(fd, bytes) };

/**
 * Appends to a file (O_APPEND) or to standard output for `-`.
 * - A pipe that is full, or takes a part: the rest is kept, up to `maxHeldLogBytes`, and tried again with the next batch and at each `retry`.
 * - A write that fails otherwise (a full disk) is reported once, its lines are dropped, and the file is opened anew after `retryAfterMs`. A line of
 *   which a part was written already stays cut.
 * - A file that was renamed or removed is opened anew under its name, within `rotationCheckMs`.
 */
export class FileSink implements LineSink {
  private readonly path: string;
  private readonly warn: (message: string) => void;
  private readonly now: () => number;
  private readonly calls: LogCalls;
  private fd = -1;
  private held: Uint8Array = none;
  private failedAtMs = Number.NEGATIVE_INFINITY;
  private checkedAtMs = Number.NEGATIVE_INFINITY;
  private isReported = false;

  /** Throws when the file cannot be opened at first, so that a wrong path is noticed at the start. */
  constructor(path: string, now: () => number, warn: (message: string) => void, calls: LogCalls = system) {
    this.path = path;
    this.now = now;
    this.warn = warn;
    this.calls = calls;
    try {
      this.open();
    } catch (error) {
      const message = `access log ${path}: ${reasonOf(error)}; name a file that can be written, - or off`;
      throw new ProxyError('ERR_TULLE_ACCESS_LOG', message, { cause: error });
    }
  }

  /** Something is kept: `retry` should be called before long. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  write(lines: Uint8Array): number {
    if (this.fd < 0 && !this.reopen()) return countLines(lines);
    this.followRotation();
    const dropped = this.retry();
    if (this.fd < 0) return dropped + countLines(lines);
    if (this.held.length === 0) return dropped + this.send(lines);
    return dropped + this.hold(lines);
  }

  /** Tries again what is kept. Returns the number of lines that are lost. */
  retry(): number {
    if (this.held.length === 0) return 0;
    const { held } = this;
    this.held = none;
    return this.send(held);
  }

  /** What is kept is tried once more. Returns the number of lines that are lost. */
  close(): number {
    const dropped = this.fd < 0 ? 0 : this.retry();
    const lost = dropped + countLines(this.held);
    this.release();
    return lost;
  }

  private send(lines: Uint8Array): number {
    let at = 0;
    try {
      while (at < lines.length) at += this.calls.write(this.fd, lines.subarray(at));
      this.isReported = false;
      return 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return this.hold(lines.subarray(at));
      this.fail(error);
      return countLines(lines.subarray(at));
    }
  }

  /** Keeps whole lines as far as there is room. `lines` may begin within a line: only when nothing is kept, and that beginning is kept always. */
  private hold(lines: Uint8Array): number {
    const room = maxHeldLogBytes - this.held.length;
    let end = lines.length;
    if (end > room) {
      end = lines.lastIndexOf(newline, Math.max(0, room - 1)) + 1;
      if (end === 0 && this.held.length === 0) end = lines.indexOf(newline) + 1;
    }
    const next = new Uint8Array(this.held.length + end);
    next.set(this.held);
    next.set(lines.subarray(0, end), this.held.length);
    this.held = next;
    return countLines(lines.subarray(end));
  }

  private open(): void {
    this.fd = this.path === '-' ? 1 : openSync(this.path, 'a', 0o640);
    this.checkedAtMs = this.now();
  }

  private release(): void {
    if (this.fd > 2) closeSync(this.fd);
    this.fd = -1;
    this.held = none;
  }

  private followRotation(): void {
    if (this.path === '-' || this.now() - this.checkedAtMs < rotationCheckMs) return;
    this.checkedAtMs = this.now();
    const former = this.fd;
    try {
      if (isSameFile(this.fd, this.path)) return;
      this.open();
      closeSync(former);
    } catch {
      // Nothing can be opened under that name, or nobody may look: the old file goes on for another while.
    }
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
    this.release();
    this.failedAtMs = this.now();
    if (this.isReported) return;
    this.isReported = true;
    this.warn(
      `access log ${this.path}: ${reasonOf(error)}; lines are dropped and counted until it can be written again`,
    );
  }
}

function isSameFile(fd: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count++;
  return count;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
