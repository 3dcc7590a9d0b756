import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createLoopbackProvider } from '../loopback/provider.js';
import { withSystemPaths } from '../netns/probe.js';
import { createNetnsProvider } from '../netns/provider.js';
import { type KeeperEvent, type KeeperSpec, releaseLine } from '../protocol.js';
import type { Provider } from '../provider.js';
import { statePaths } from '../state/state-dir.js';
import { explainStateError } from '../state/state-errors.js';
import { Requests } from './requests.js';
import { type SocketServer, serveSocket } from './socket-server.js';
import { Testbed } from './testbed.js';

/**
 * The keeper: the process that owns one testbed. Its standard input brings the spec as one line and is its lease: until the line
 * `release`, the end of input (the `up` that started it was interrupted or killed) means that everything is undone.
 */
async function keep(spec: KeeperSpec, say: (event: KeeperEvent) => void): Promise<void> {
  const paths = { ...statePaths(spec.name), root: spec.root, socket: spec.socket };
  const log = (text: string): void => {
    process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  };
  let provider: Provider | null = null;
  let testbed: Testbed | null = null;
  let socket: SocketServer | null = null;
  let ending: Promise<void> | null = null;

  const end = (progress: (text: string) => void = () => {}): Promise<void> => {
    ending ??= (async () => {
      progress('stopping the pods and the control plane');
      log('ending');
      if (testbed !== null) await testbed.close();
      else {
        await provider?.close().catch((error: Error) => log(error.message));
        rmSync(spec.root, { recursive: true, force: true });
      }
      socket?.close();
    })();
    return ending;
  };
  const endAndExit = (code: number): void => {
    end().then(
      () => process.exit(code),
      (error: Error) => {
        log(error.message);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => endAndExit(0));
  lost = () => endAndExit(1);
  process.on('uncaughtException', (error) => {
    log(`unexpected: ${error.stack}`);
    endAndExit(1);
  });

  try {
    const voice = { progress: (text: string) => say({ event: 'progress', text }), log };
    provider =
      spec.provider === 'netns'
        ? await createNetnsProvider({
            paths,
            env: withSystemPaths(process.env),
            userNamespace: spec.userNamespace,
            cliPath: spec.cliPath,
            log,
          })
        : await createLoopbackProvider({ singleLoopback: spec.singleLoopback, log: voice.progress });
    testbed = new Testbed(spec, paths, provider, voice);
    await testbed.start();
    const requests = new Requests(testbed, end);
    socket = await serveSocket(spec.socket, async (request, progress) => {
      const result = await requests.answer(request, progress);
      // The answer to `down` leaves first, the process a moment later.
      if (request.op === 'down') setTimeout(() => process.exit(0), 50);
      return result;
    });
    say({ event: 'ready' });
  } catch (error) {
    if (ending !== null) return;
    log((error as Error).stack ?? String(error));
    say({ event: 'failed', text: explainStateError(error as NodeJS.ErrnoException, spec.root) });
    endAndExit(1);
  }
}

let released = false;
let lost: () => void = () => process.exit(1);
let started = false;

// Nobody reads our output any more once `up` is gone.
process.stdout.on('error', () => {});
// A full disk cannot take the log. As an unexpected error it would be logged, fail again, and never end.
process.stderr.on('error', () => {});
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (line === releaseLine) {
    released = true;
    process.stdout.destroy();
  } else if (!started) {
    started = true;
    const say = (event: KeeperEvent): void => {
      if (!released) process.stdout.write(`${JSON.stringify(event)}\n`);
    };
    keep(JSON.parse(line) as KeeperSpec, say).catch(() => process.exit(1));
  }
});
input.on('close', () => {
  if (!released) lost();
});
