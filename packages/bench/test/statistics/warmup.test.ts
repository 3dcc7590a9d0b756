import t from 'tap';
import { warmupLength } from '../../src/statistics/warmup.js';
import { normals, sequence } from './random-numbers.js';

t.test('a level series has next to no warm-up', (t) => {
  const next = normals(sequence(1));
  const length = warmupLength(Array.from({ length: 100 }, () => 20 + next()));
  t.ok(length !== undefined && length <= 15, `${length}`);
  t.end();
});

t.test('a compiler that settles is cut where it has settled', (t) => {
  const next = normals(sequence(2));
  // Twice the cost at first, level from sample 30 on.
  const series = Array.from({ length: 100 }, (_, at) => (at < 30 ? 40 - (20 * at) / 30 : 20) + 0.5 * next());
  const length = warmupLength(series);
  t.ok(length !== undefined && length >= 25 && length <= 35, `${length}`);
  t.end();
});

t.test('a step is found where it is', (t) => {
  t.equal(warmupLength([...new Array(20).fill(40), ...new Array(80).fill(20)]), 20);
  t.end();
});

t.test('what never settles, or is too short to say, is told', (t) => {
  t.equal(warmupLength(Array.from({ length: 100 }, (_, at) => 100 - at)), undefined);
  t.equal(warmupLength([1, 2, 3]), undefined);
  t.end();
});
