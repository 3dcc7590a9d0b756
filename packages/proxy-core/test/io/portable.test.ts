import { ioSuite, silentListener } from '@tulle/testkit';
import t from 'tap';
import { createPortableIo } from '../../src/io/portable/portable-io.js';
import { defaultLimits } from '../../src/limits.js';

ioSuite(t, 'portable', {
  tls: true,
  sockets: true,
  silent: silentListener,
  async makeIo(limits) {
    const io = createPortableIo({ limits: { ...defaultLimits, ...limits } });
    return { io, step: () => undefined, close: () => io.close() };
  },
});
