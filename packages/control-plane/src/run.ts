import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { logVerbosity, setLogger, setLogVerbosity } from '@grpc/grpc-js';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { StateError } from './ca/state-file.js';
import { type ControlPlane, startControlPlane } from './control-plane.js';
import { type CheckedOptions, type ControlPlaneOptions, checkOptions, OptionsError } from './options.js';
import { realTimer } from './serve/events.js';
import { ListenError } from './serve/listen.js';
import { folderSource } from './source/folder-source.js';
import { LastGood } from './source/last-good.js';
import { translateFor } from './translate/resources.js';

const STDERR = 2;

/** A directory or file that was named cannot be used. The message holds the remedy. */
class InputError extends Error {
  override readonly name = 'InputError';
}

/**
 * Runs a control plane in the foreground until SIGTERM, SIGINT or `options.signal`. Logs JSON to the standard error, and prints one
 * line when it serves: `control-plane ready ads=... certificates=... admin=...`.
 * @returns the exit code: 0 ended as asked, 1 could not start (the log says why and what to do), 2 wrong options.
 */
export async function runControlPlane(options: ControlPlaneOptions): Promise<number> {
  // Synchronous, so that the reason for the end of the process is not lost with it.
  const stderr = destination({ dest: STDERR, sync: true });
  try {
    return await run(options, checkOptions(options), stderr);
  } catch (error) {
    const log = pino({ name: 'control-plane', timestamp: pino.stdTimeFunctions.isoTime }, stderr);
    const known = [OptionsError, StateError, ListenError, InputError].some((type) => error instanceof type);
    if (known) log.fatal((error as Error).message);
    else log.fatal({ err: error }, 'the control plane failed, which is a fault of its own');
    return error instanceof OptionsError ? 2 : 1;
  }
}

async function run(options: ControlPlaneOptions, checked: CheckedOptions, stderr: DestinationStream): Promise<number> {
  const log = pino(
    { name: 'control-plane', level: checked.logLevel, timestamp: pino.stdTimeFunctions.isoTime },
    stderr,
  );
  const { print = (line: string) => process.stdout.write(`${line}\n`) } = options;
  checkInputs(checked, log);
  routeGrpcLog(log);
  const stop = stopSignal(options.signal);
  try {
    const file = join(checked.state, 'last-good-config.json');
    const lastGood = new LastGood({ file, log, now: Date.now, setTimer: realTimer });
    const source = folderSource({ dirs: checked.config, lastGood });
    const controlPlane = await startControlPlane(checked, { source, translate: translateFor, log });
    await untilStopped(controlPlane, stop.asked, print, log);
    await controlPlane.close();
    log.info('stopped');
    return 0;
  } finally {
    stop.release();
  }
}

async function untilStopped(
  { ready, addresses }: ControlPlane,
  asked: Promise<string>,
  print: (line: string) => void,
  log: Logger,
): Promise<void> {
  log.info(addresses, 'listening');
  const { ads, certificates, admin } = addresses;
  const announce = ready.then(() => {
    print(`control-plane ready ads=${ads} certificates=${certificates} admin=${admin}`);
    return undefined;
  });
  const reason = (await Promise.race([announce, asked])) ?? (await asked);
  log.info({ reason }, 'stopping');
}

/** Looks at what is named before anything is made. Folders are watched: one that appears later would not be seen. */
function checkInputs({ config, tokenJwks }: CheckedOptions, log: Logger): void {
  for (const dir of config) {
    try {
      if (!statSync(dir).isDirectory()) throw new Error('it is no directory');
      accessSync(dir, constants.R_OK | constants.X_OK);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new InputError(
        `--config ${dir}: cannot be read (${why}). Give a directory of YAML that this user may read.`,
        { cause },
      );
    }
  }
  try {
    readFileSync(tokenJwks);
  } catch (cause) {
    // Not fatal: sidecars that have a certificate can be served, and the file is read when it is needed.
    log.warn(
      `--token-jwks ${tokenJwks}: cannot be read (${(cause as Error).message}): no certificate is signed until it can`,
    );
  }
}

/** SIGTERM, SIGINT, or the caller's own signal: the first of them. A second SIGINT ends the process as usual. */
function stopSignal(signal: AbortSignal | undefined): { asked: Promise<string>; release: () => void } {
  let release = () => {};
  const asked = new Promise<string>((resolve) => {
    const onTerm = () => resolve('SIGTERM');
    const onInt = () => resolve('SIGINT');
    const onAbort = () => resolve('aborted');
    process.once('SIGTERM', onTerm);
    process.once('SIGINT', onInt);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    release = () => {
      process.off('SIGTERM', onTerm);
      process.off('SIGINT', onInt);
      signal?.removeEventListener('abort', onAbort);
    };
  });
  return { asked, release };
}

/** grpc-js writes its complaints to the console unless told otherwise. */
function routeGrpcLog(log: Logger): void {
  const write = (...parts: unknown[]) => log.debug({ grpc: parts.map(String).join(' ') }, 'grpc');
  setLogger({ error: write, info: write, debug: write });
  setLogVerbosity(logVerbosity.ERROR);
}
