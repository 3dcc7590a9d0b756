import { ioSuite, silentListener } from '@tulle/testkit';
import t from 'tap';
import { createLinuxIo } from '../../src/io/linux/linux-io.js';

ioSuite(t, 'linux', {
  tls: true,
  sockets: true,
  silent: silentListener,
  async makeIo(limits) {
    const io = createLinuxIo({ limits });
    return {
      io,
      step: async () => io.turn(1),
      close: () => io.close(),
    };
  },
});
