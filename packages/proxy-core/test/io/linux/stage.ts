/** The `linux` engine driven turn by turn between node's own turns, so that foreign peers can live in the same process. */
import type { RecordingHandler } from '@tulle/testkit';
import type { SocketAddress } from '../../../src/address.js';
import type { Connection, TlsContext } from '../../../src/io/io.js';
import { createLinuxIo, type LinuxIo, type LinuxIoOptions } from '../../../src/io/linux/linux-io.js';

/** Only a broken engine waits for it. */
const deadlineMs = 60_000;

export interface Stage {
  readonly io: LinuxIo;
  until(what: string, condition: () => boolean): Promise<void>;
  turns(count: number): Promise<void>;
  connect(address: SocketAddress, handler: RecordingHandler, tls?: TlsContext): Connection;
}

export function openStage(t: { teardown(run: () => unknown): void }, options: LinuxIoOptions = {}): Stage {
  const io = createLinuxIo(options);
  t.teardown(() => io.close());
  const turn = async (): Promise<void> => {
    io.turn(1);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    io,
    async until(what, condition) {
      const giveUpMs = performance.now() + deadlineMs;
      while (!condition()) {
        if (performance.now() > giveUpMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
        await turn();
      }
    },
    async turns(count) {
      for (let i = 0; i < count; i++) await turn();
    },
    connect: (address, handler, tls) => io.connect({ address, tls, serverName: '', timeoutMs: deadlineMs }, handler),
  };
}

/** Waits for a foreign peer without turning the engine. */
export async function meanwhile(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${deadlineMs} ms: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One loopback round trip of the kernel is over when the call returns; these turns of node let its side see what came. */
export async function nodeTurns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
