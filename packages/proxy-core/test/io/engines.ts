/** Both engines, for what the io suite has no foreign peer for. */
import type { IoUnderTest } from '@tulle/testkit';
import type { LinuxIoOptions } from '../../src/io/linux/linux-io.js';
import { createLinuxIo } from '../../src/io/linux/linux-io.js';
import { createPortableIo } from '../../src/io/portable/portable-io.js';
import { defaultLimits } from '../../src/limits.js';

export function linuxUnderTest(options: LinuxIoOptions = {}): IoUnderTest {
  const io = createLinuxIo(options);
  return { io, step: async () => io.turn(1), close: () => io.close() };
}

export function portableUnderTest(): IoUnderTest {
  const io = createPortableIo({ limits: defaultLimits });
  return { io, step: () => undefined, close: () => io.close() };
}

export const engines: Readonly<Record<'linux' | 'portable', () => IoUnderTest>> = {
  linux: () => linuxUnderTest(),
  portable: portableUnderTest,
};
