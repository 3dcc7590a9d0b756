import t from 'tap';
import { decodeSockaddr, encodeSockaddr } from '../../../src/io/linux/sys/sockaddr.js';

t.test('an address survives the way into a sockaddr and back, in its canonical form', async (t) => {
  for (const [host, canonical] of [
    ['127.0.0.1', '127.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fd00:0:0:1::2', 'fd00:0:0:1::2'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ]) {
    t.same(decodeSockaddr(encodeSockaddr({ host, port: 54_321 })), { host: canonical, port: 54_321 });
  }
});

t.test('the bytes are those of the kernel', async (t) => {
  t.same([...encodeSockaddr({ host: '10.0.0.1', port: 80 })], [2, 0, 0, 80, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const v6 = [...encodeSockaddr({ host: 'fd00::5', port: 15_006 })];
  t.same(v6.slice(0, 8), [10, 0, 0x3a, 0x9e, 0, 0, 0, 0]);
  t.same(v6.slice(8), [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
});

t.test('what is no IP address or no port is refused', async (t) => {
  for (const host of [
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3.4:5',
  ]) {
    t.throws(() => encodeSockaddr({ host, port: 1 }), RangeError, JSON.stringify(host));
  }
  for (const port of [-1, 65_536, 1.5, Number.NaN]) t.throws(() => encodeSockaddr({ host: '::1', port }), RangeError);
});

t.test('a family that is not IP decodes to no address', async (t) => {
  t.same(decodeSockaddr(Uint8Array.of(1, 0, 0, 80, 1, 2, 3, 4)), { host: '0.0.0.0', port: 0 });
});
