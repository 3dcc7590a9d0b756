// Which filters go on through a change of the configuration, and which begin anew.
import t from 'tap';
import { Filters } from '../../src/filters.js';
import { filterSeries } from '../../src/observe/filter-series.js';
import { Registry, type SeriesDefinition } from '../../src/observe/registry.js';
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
      { load, meter: () => ({ called() {}, notSwitchedOff() {}, switchedOff() {} }) },
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

void t.test(
  'a change that is refused leaves a filter switched off, and said to be; one that is taken, or its removal, does not',
  async (t) => {
    const definitions: SeriesDefinition[] = [];
    const registry = new Registry((definition) => definitions.push(definition));
    const values = new Float64Array(registry.memory);
    const isOff = (): boolean =>
      values[definitions.find(({ name }) => name === 'tulle_filter_switched_off')?.slot ?? Number.NaN] === 1;
    const fails = (): never => {
      throw new Error('always');
    };
    const filters = new Filters(
      { load: () => ({ onRequest: fails }), meter: (name) => filterSeries(registry, name) },
      { nowMs: () => 1, warn() {} },
    );
    const take = (...names: string[]): void => {
      filters.begin(names.map((name) => ({ name, module: '/f.js', maxFaults: 1 })));
      filters.commit();
    };
    take('f');
    filters.sequence(['f'])?.onRequest(headOf('/'), '', '');
    t.ok(isOff());
    filters.begin([{ name: 'f', module: '/other.js' }]);
    t.ok(isOff(), 'begun, and then rolled back');
    take('f');
    t.ok(isOff(), 'as it was');
    take();
    t.notOk(isOff(), 'gone');
  },
);
