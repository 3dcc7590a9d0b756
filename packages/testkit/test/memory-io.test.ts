import t from 'tap';
import { ioSuite } from '../src/io-suite/suite.js';
import { createMemoryIo } from '../src/memory-io.js';

const silent = { host: '10.0.0.9', port: 9 };

ioSuite(t, 'memory', {
  tls: false,
  sockets: false,
  silent: async () => ({ address: silent, close() {} }),
  async makeIo(limits) {
    const io = createMemoryIo({ writeHighWaterBytes: limits.writeHighWaterBytes });
    io.inject(silent, { kind: 'silent' });
    return {
      io,
      step() {
        // Time passes when nothing else does.
        if (!io.turn()) io.advance(1);
        return undefined;
      },
      close() {},
    };
  },
});
