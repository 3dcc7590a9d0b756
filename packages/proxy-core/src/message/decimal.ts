/** Numbers as decimal digits, without a string. */

const zero = 48;
/** Below this a number is an integer to the machine, and a division by ten a multiplication. */
const smallEnd = 0x4000_0000;

/** Writes a whole number of 0 to 2^53 - 1 at `at`; returns the offset behind it. */
export function writeDecimal(value: number, out: Uint8Array, at: number): number {
  return writeDigits(value, value < smallEnd ? smallLength(value | 0) : length(value), out, at);
}

/** The last `count` decimal digits of a whole number, with leading zeros. */
export function writeDigits(value: number, count: number, out: Uint8Array, at: number): number {
  let i = at + count;
  let large = value;
  for (; large >= smallEnd && i > at; i--) {
    const tenth = Math.floor(large / 10);
    out[i - 1] = zero + (large - tenth * 10);
    large = tenth;
  }
  let rest = large | 0;
  for (; i > at; i--) {
    const tenth = (rest / 10) | 0;
    out[i - 1] = zero + (rest - tenth * 10);
    rest = tenth;
  }
  return at + count;
}

function smallLength(value: number): number {
  let digits = 1;
  for (let limit = 10; limit <= value && digits < 10; limit *= 10) digits++;
  return digits;
}

function length(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}
