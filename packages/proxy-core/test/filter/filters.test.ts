// Which filters go on through a change of the configuration, and which begin anew.
import t from 'tap';
import { Filters } from '../../src/filters.js';
import { headOf } from '../route/head-of.js';

void t.test(
  'a filter begins anew when its options change, whatever plain data they are; else it goes on',
  async (t) => {
    const seen: unknown[] = [];
    let loaded = 0;
    const load = (): { onRequest(request: unknown, options: unknown): void } => {
      loaded++;
      return { onRequest: (_request, options) => void seen.push(options) };
    };
    const filters = new Filters(
      { load, meter: () => ({ called() {}, switchedOff() {} }) },
      { nowMs: () => 1, warn: (message) => t.fail(message) },
    );
    const ask = (options: unknown): void => {
      filters.begin([{ name: 'f', module: '/f.js', options }]);
      filters.sequence(['f'])?.onRequest(headOf('/'), '', '');
      filters.commit();
    };
    for (const make of [
      (n: number) => ({ n }),
      (n: number) => new Map([['n', n]]),
      (n: number) => ({ n: BigInt(n) }),
    ]) {
      loaded = 0;
      for (const n of [1, 1, 2]) ask(make(n));
      t.equal(loaded, 2);
      t.same(seen.splice(0), [make(1), make(1), make(2)]);
    }
  },
);
