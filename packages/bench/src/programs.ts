import { generateLoad } from './load/generate.js';
import { BadLoadOptions, type LoadOptions } from './load/options.js';
import { renderLoadResult } from './load/result.js';
import { type ServeOptions, serveBench } from './server/serve.js';

/** `tulle bench load`. */
export interface RunLoadOptions extends LoadOptions {
  output: 'text' | 'json';
}

/** Runs the load in the foreground and prints what it found. Resolves to 0 for a valid run, 1 for an invalid one, 2 for wrong use. */
export async function runLoad(options: RunLoadOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const result = await generateLoad(options, interrupt.signal);
    const { histograms: _, ...printed } = result;
    process.stdout.write(options.output === 'json' ? `${JSON.stringify(printed)}\n` : renderLoadResult(result));
    return result.valid ? 0 : 1;
  } catch (error) {
    if (!(error instanceof BadLoadOptions)) throw error;
    process.stderr.write(`tulle bench load: ${error.message}\n`);
    return 2;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** `tulle bench serve`: prints one line when it listens, and serves until SIGTERM or SIGINT. Resolves to 0, or 1 when it cannot listen. */
export async function runServer(options: ServeOptions): Promise<number> {
  try {
    const server = await serveBench(options);
    process.stdout.write(`bench server ready address=${server.host}:${server.port} body-bytes=${options.bodyBytes}\n`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await server.close();
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'EADDRINUSE' ? 'choose another --listen port, 0 for any free one' : 'check --listen ADDR:PORT';
    process.stderr.write(
      `tulle bench serve: cannot listen on ${options.host}:${options.port} (${message}): ${remedy}\n`,
    );
    return 1;
  }
}
