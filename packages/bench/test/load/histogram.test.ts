import fc from 'fast-check';
import t from 'tap';
import { Histogram } from '../../src/load/histogram.js';
import { percentile } from '../../src/result/metrics.js';

t.test('percentiles are those of the sorted values: exact below 2048, within one in a thousand above', async (t) => {
  const value = fc.oneof(fc.nat(2047), fc.nat(60_000_000));
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1),
      (values, share) => {
        const histogram = new Histogram();
        for (const each of values) histogram.record(each);
        const sorted = [...values].sort((a, b) => a - b);
        const wanted = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1];
        const found = percentile(histogram.sparse(), share) ?? Number.NaN;
        return wanted < 2048 ? found === wanted : found >= wanted && found <= wanted * 1.001;
      },
    ),
  );
  t.pass('held for every set of values');
});

t.test('count, least, largest and mean are exact', async (t) => {
  const histogram = new Histogram();
  for (const value of [5, 70_001, 9, -3]) histogram.record(value);
  const { count, min, max, mean } = histogram.sparse();
  t.strictSame({ count, min, max, mean }, { count: 4, min: 0, max: 70_001, mean: 70_015 / 4 });
  t.strictSame(new Histogram().sparse(), { count: 0, min: 0, max: 0, mean: 0, buckets: [] });
});
