import fc from 'fast-check';
import t from 'tap';
import { writeDecimal, writeDigits } from '../../src/message/decimal.js';

const out = new Uint8Array(40);
const text = (end: number): string => Buffer.from(out.subarray(3, end)).toString('latin1');

void t.test('a number is written as JavaScript writes it, at every change of length and size', async (t) => {
  const edges = [0, 2 ** 30, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER];
  for (let power = 1; power <= 10 ** 15; power *= 10) edges.push(power);
  for (const edge of edges) {
    for (const value of [edge - 1, edge, edge + 1]) {
      if (value < 0 || value > Number.MAX_SAFE_INTEGER) continue;
      t.equal(text(writeDecimal(value, out, 3)), String(value));
    }
  }
  fc.assert(fc.property(fc.maxSafeNat(), (value) => text(writeDecimal(value, out, 3)) === String(value)));
});

void t.test('a fixed number of digits keeps its zeros and its last ones', async (t) => {
  t.equal(text(writeDigits(42, 6, out, 3)), '000042');
  t.equal(text(writeDigits(1_234_567, 3, out, 3)), '567');
  t.equal(text(writeDigits(2 ** 40, 4, out, 3)), '7776');
});
