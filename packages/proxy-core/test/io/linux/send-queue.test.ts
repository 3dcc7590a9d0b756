import fc from 'fast-check';
import t from 'tap';
import { SendQueue, SlabPool, slabBytes } from '../../../src/io/linux/send-queue.js';
import { addressOf, copyFrom } from '../../../src/io/linux/sys/memory.js';

/** All that the queue holds, piece by piece. */
function contents(queue: SendQueue): Buffer {
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < queue.pieces; i++) pieces.push(copyFrom(queue.pieceAddress(i), queue.pieceBytes(i)));
  return Buffer.concat(pieces);
}

t.test('invariant: what was appended less what was consumed is held, in order', async (t) => {
  const step = fc.record({ append: fc.nat(3 * slabBytes), consume: fc.double({ min: 0, max: 1, noNaN: true }) });
  const pool = new SlabPool();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const queue = new SendQueue(pool);
      let wanted = Buffer.alloc(0);
      let next = 0;
      for (const { append, consume } of steps) {
        const bytes = new Uint8Array(append);
        for (let i = 0; i < append; i++) bytes[i] = next++ & 255;
        queue.append(addressOf(bytes), bytes.length);
        wanted = Buffer.concat([wanted, bytes]);
        const count = Math.floor(consume * wanted.length);
        queue.consume(count);
        wanted = wanted.subarray(count);
        if (queue.bytes !== wanted.length || !contents(queue).equals(wanted)) return false;
        if (queue.bytes === 0 && queue.pieces !== 0) return false;
      }
      queue.clear();
      return queue.bytes === 0 && queue.pieces === 0;
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('a slab goes back to the pool as soon as it is empty', async (t) => {
  const pool = new SlabPool();
  const queue = new SendQueue(pool);
  const bytes = new Uint8Array(slabBytes + 1);
  queue.append(addressOf(bytes), bytes.length);
  const first = queue.pieceAddress(0);
  t.equal(queue.pieces, 2);
  queue.consume(slabBytes);
  t.equal(queue.pieces, 1);
  const other = new SendQueue(pool);
  other.append(addressOf(bytes), 1);
  t.equal(other.pieceAddress(0), first);
});
