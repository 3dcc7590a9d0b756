import t from 'tap';
import { address, addresses, addressText, byteRange, header, rate, seconds, wholeNumber } from '../src/values.js';

t.test('addresses', (t) => {
  t.strictSame(address('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  t.strictSame(address('[::1]:8080'), { host: '::1', port: 8080 });
  t.strictSame(address('localhost:0'), { host: 'localhost', port: 0 });
  t.strictSame(address(':15001'), { host: '0.0.0.0', port: 15001 });
  t.strictSame(addresses('a:1, b:2'), [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ]);
  for (const wrong of [
    '',
    '80',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:80',
    '[x]:80',
    'a b:80',
    '127.0.0.1:-1',
  ]) {
    t.throws(() => address(wrong), { code: 'commander.invalidArgument' }, JSON.stringify(wrong));
  }
  t.equal(addressText(':15012'), '0.0.0.0:15012');
  t.equal(addressText('[::1]:1'), '[::1]:1');
  t.throws(() => addresses('a:1,'), /ADDR:PORT/);
  t.throws(() => addresses('a:0'), /Port 0/);
  t.end();
});

t.test('times are seconds', (t) => {
  t.equal(seconds('5s'), 5);
  t.equal(seconds('250ms'), 0.25);
  t.equal(seconds('2m'), 120);
  t.equal(seconds('1.5'), 1.5);
  for (const wrong of ['', '5h', '-1s', 's', '1e3s']) t.throws(() => seconds(wrong), /Write a time/);
  t.end();
});

t.test('rates, counts and sizes', (t) => {
  t.equal(rate('1000'), 1000);
  t.equal(rate('0.5'), 0.5);
  t.equal(rate('max'), 'max');
  for (const wrong of ['0', '-1', '', 'fast', 'Infinity']) t.throws(() => rate(wrong), /requests a second/);
  t.equal(wholeNumber(1)('16'), 16);
  for (const wrong of ['0', '1.5', '1e3', '']) t.throws(() => wholeNumber(1)(wrong), /whole number/);
  t.throws(() => wholeNumber(1, 4)('5'), /from 1 to 4/);
  t.strictSame(byteRange('1024'), { min: 1024, max: 1024 });
  t.strictSame(byteRange('0-10M'), { min: 0, max: 10_485_760 });
  t.strictSame(byteRange('64K'), { min: 65_536, max: 65_536 });
  for (const wrong of ['', '1-2-3', '2-1', '1G', '9999M']) t.throws(() => byteRange(wrong), /Write bytes/);
  t.strictSame(header('X-Team: blue: 1'), ['X-Team', 'blue: 1']);
  t.throws(() => header('nothing'), /name: value/);
  t.end();
});
