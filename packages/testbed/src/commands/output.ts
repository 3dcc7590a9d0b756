import type { Writable } from 'node:stream';
import pc from 'picocolors';

/** Where a command writes. */
export interface Streams {
  stdout?: Writable;
  stderr?: Writable;
}

/** Long work seen from outside: one changing line on a terminal, one line a step elsewhere. */
export interface Progress {
  step(text: string): void;
  done(text: string): void;
  failed(text: string): void;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;

/** Progress on `stream`. On a terminal each finished step stays as a line and the current one is animated. */
export function progressOn(stream: Writable): Progress {
  const terminal = 'isTTY' in stream && stream.isTTY === true;
  if (!terminal) {
    const line = (text: string): void => {
      stream.write(`${text}\n`);
    };
    return { step: line, done: line, failed: line };
  }
  let current: string | null = null;
  let frame = 0;
  let timer: NodeJS.Timeout | null = null;
  const draw = (): void => {
    frame = (frame + 1) % frames.length;
    if (current !== null) stream.write(`\r\x1b[K${pc.cyan(frames[frame])} ${current}`);
  };
  const settle = (mark: string): void => {
    if (current !== null) stream.write(`\r\x1b[K${mark} ${current}\n`);
    current = null;
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    step: (text) => {
      settle(pc.green('✓'));
      current = text;
      timer = setInterval(draw, frameMs);
      timer.unref();
      draw();
    },
    done: (text) => {
      settle(pc.green('✓'));
      stream.write(`${text}\n`);
    },
    failed: (text) => {
      settle(pc.red('✗'));
      stream.write(`${text}\n`);
    },
  };
}

/** Rows as columns of their widest cell, two spaces apart, the first row being the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i])))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
