import { open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { keeperLives, readRecord } from '../state/record.js';
import { ask, command, pathsOf } from './ask.js';
import type { Streams } from './output.js';

export interface TestbedLogsOptions extends Streams {
  name?: string;
  /** `control-plane`, `POD` or `NAMESPACE/POD`. */
  target: string;
  /** `app` (default), `proxy`, `access` (the proxy's access log), or a container. */
  container?: string;
  /** Goes on until interrupted, or until the testbed ends. */
  follow?: boolean;
  signal?: AbortSignal;
}

const followIntervalMs = 200;

/** `tulle testbed logs`. */
export async function testbedLogs(options: TestbedLogsOptions): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  return await command(options.stderr ?? process.stderr, async () => {
    const { file } = await ask(options.name, {
      op: 'logs',
      target: options.target,
      container: options.container ?? null,
    });
    let position = await copyFrom(file, 0, stdout);
    const record = readRecord(pathsOf(options.name));
    while (options.follow === true && options.signal?.aborted !== true && record !== null && keeperLives(record)) {
      await delay(followIntervalMs);
      const size = await sizeOf(file);
      // Shorter than what was read: it was cut, so it begins anew.
      position = await copyFrom(file, size < position ? 0 : position, stdout);
    }
    return 0;
  });
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    (found) => found.size,
    () => 0,
  );
}

/** Copies what is there from `position` on and returns the new position. A log that does not exist yet is empty. */
async function copyFrom(file: string, position: number, stdout: NodeJS.WritableStream): Promise<number> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (handle === null) return position;
  try {
    const buffer = Buffer.alloc(64 << 10);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return position;
      position += bytesRead;
      if (!stdout.write(Buffer.from(buffer.subarray(0, bytesRead))))
        await new Promise((resolve) => stdout.once('drain', resolve));
    }
  } finally {
    await handle.close();
  }
}
