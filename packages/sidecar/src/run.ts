import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { logVerbosity, setLogger, setLogVerbosity } from '@grpc/grpc-js';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { ListenError } from './admin/http.js';
import { type Bootstrap, BootstrapError, parseBootstrap } from './bootstrap.js';
import { MAX_BOOTSTRAP_BYTES } from './limits.js';
import { realTimer } from './outside.js';
import { type Sidecar, startSidecar } from './sidecar.js';
import { StateDirError } from './state/durable-file.js';

export interface RunSidecarOptions {
  /** Path of the bootstrap, JSON. */
  readonly bootstrap: string;
  /** Where the line goes that says it serves; default: the standard output. */
  readonly print?: (line: string) => void;
}

const STDERR = 2;

/** A file that was named cannot be used. The message holds the remedy. */
class InputError extends Error {
  override readonly name = 'InputError';
}

/**
 * Runs a sidecar in the foreground. It logs JSON to the standard error, and prints one line when it serves: `sidecar ready ...`.
 * SIGTERM and SIGINT drain it, a second one ends it at once.
 * @returns the exit code: 0 ended as asked, 1 could not start (the log says why and what to do), 2 a bootstrap that is not one.
 */
export async function runSidecar(options: RunSidecarOptions): Promise<number> {
  // Synchronous, so that the reason for the end of the process is not lost with it.
  const log = pino(
    { name: 'sidecar', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ dest: STDERR, sync: true }) as DestinationStream,
  );
  try {
    const bootstrap = await readBootstrap(options.bootstrap);
    return await run(bootstrap, log, options.print ?? ((line) => process.stdout.write(`${line}\n`)));
  } catch (error) {
    const known = [BootstrapError, InputError, ListenError, StateDirError].some((type) => error instanceof type);
    if (known) log.fatal((error as Error).message);
    else log.fatal({ err: error }, 'the sidecar failed, which is a fault of its own');
    return error instanceof BootstrapError ? 2 : 1;
  }
}

async function run(bootstrap: Bootstrap, log: Logger, print: (line: string) => void): Promise<number> {
  routeGrpcLog(log);
  const asked = new Asked();
  const outside = { now: Date.now, setTimer: realTimer, random: Math.random, log };
  try {
    const sidecar = await startSidecar({
      bootstrap,
      rootsPem: rootsOf(bootstrap.controlPlane.rootCaFile, log),
      version: programVersion(),
      onDrainAsked: () => asked.add('POST /drain'),
      outside,
    });
    const first = await Promise.race([untilReady(sidecar, bootstrap, print), asked.first]);
    if (first instanceof Error) {
      await sidecar.close();
      throw new InputError(first.message, { cause: first });
    }
    return await end(sidecar, asked, log);
  } finally {
    asked.release();
  }
}

/** Prints the line; resolves only when the proxy cannot be started. */
async function untilReady(sidecar: Sidecar, bootstrap: Bootstrap, print: (line: string) => void): Promise<Error> {
  try {
    await sidecar.ready;
  } catch (error) {
    return error as Error;
  }
  const { namespace, pod } = bootstrap.node;
  const places = Object.entries(sidecar.addresses()).map(([name, address]) => ` ${name}=${address}`);
  print(`sidecar ready pod=${namespace}/${pod}${places.join('')}`);
  return new Promise(() => {});
}

async function end(sidecar: Sidecar, asked: Asked, log: Logger): Promise<number> {
  log.info({ reason: await asked.first }, 'draining');
  const ended = await Promise.race([sidecar.drain().then(() => 'drained'), asked.second.then(() => 'cut')]);
  if (ended === 'cut') await sidecar.close();
  log.info({ ended }, 'stopped');
  return 0;
}

/** Signals, and whatever else asks for the end: the first drains, the second cuts. */
class Asked {
  readonly first: Promise<string>;
  readonly second: Promise<string>;
  private readonly resolvers: ((reason: string) => void)[] = [];
  private readonly onTerm = (): void => this.add('SIGTERM');
  private readonly onInt = (): void => this.add('SIGINT');

  constructor() {
    this.first = new Promise((resolve) => this.resolvers.push(resolve));
    this.second = new Promise((resolve) => this.resolvers.push(resolve));
    process.on('SIGTERM', this.onTerm);
    process.on('SIGINT', this.onInt);
  }

  add(reason: string): void {
    this.resolvers.shift()?.(reason);
  }

  release(): void {
    process.off('SIGTERM', this.onTerm);
    process.off('SIGINT', this.onInt);
  }
}

async function readBootstrap(path: string): Promise<Bootstrap> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_BOOTSTRAP_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BOOTSTRAP_BYTES}`);
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as Error).message;
    throw new InputError(`--bootstrap ${path}: cannot be read (${why}). Give a file that this user may read.`, {
      cause,
    });
  }
  return parseBootstrap(text, path);
}

/** Reads the file each time; when it has gone, what was read last is used. */
function rootsOf(path: string, log: Logger): () => string {
  const read = (): string => {
    const text = readFileSync(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no certificate in PEM');
    return text;
  };
  let last: string;
  try {
    last = read();
  } catch (cause) {
    const why = (cause as Error).message;
    throw new InputError(
      `controlPlane.rootCaFile ${path}: cannot be used (${why}). It is root-cert.pem of the control plane's state directory.`,
      { cause },
    );
  }
  return () => {
    try {
      last = read();
    } catch (error) {
      log.warn({ path, reason: (error as Error).message }, 'the roots cannot be read again; the last ones are used');
    }
    return last;
  };
}

function programVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return version;
}

/** grpc-js writes its complaints to the console unless told otherwise. */
function routeGrpcLog(log: Logger): void {
  const write = (...parts: unknown[]): void => log.debug({ grpc: parts.map(String).join(' ') }, 'grpc');
  setLogger({ error: write, info: write, debug: write });
  setLogVerbosity(logVerbosity.ERROR);
}
