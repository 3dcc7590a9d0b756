import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { testbedUp } from '@tulle/testbed';
import t from 'tap';
import { lifecycleSuite } from './suite/lifecycle-suite.js';
import { meshSuite } from './suite/mesh-suite.js';

t.setTimeout(600_000);
const skip = process.platform === 'linux' ? false : 'needs the whole of 127/8';

t.test('pods as plain processes', { skip }, async (t) => await lifecycleSuite(t, 'process'));
t.test('a mesh of plain processes', { skip }, async (t) => await meshSuite(t, 'process'));

t.test('wrong use is told from failure', async (t) => {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  const streams = { stdout: stream, stderr: stream };
  t.equal(await testbedUp({ name: 'UP', config: import.meta.dirname, ...streams }), 2);
  t.match(text, /lower-case/);
  t.equal(await testbedUp({ name: 'x', config: join(import.meta.dirname, 'nowhere'), ...streams }), 2);
  t.match(text, /no such folder/);
});
