/** What filters cost and do wrong, as series. The registry bounds how many there are. */
import type { Registry } from './registry.js';

type Hook = 'onRequest' | 'onResponse';

export interface FilterSeries {
  called(hook: Hook, seconds: number, fault: 'error' | 'over-budget' | undefined): void;
  notSwitchedOff(): void;
  switchedOff(): void;
}

/** Counters of one filter go on when it is configured anew: `tulle_filter_switched_off` says how it is now. */
export function filterSeries(registry: Registry, filter: string): FilterSeries {
  const hooks = {
    onRequest: hookSeries(registry, filter, 'request'),
    onResponse: hookSeries(registry, filter, 'response'),
  };
  const off = registry.gauge('tulle_filter_switched_off', 'Data threads on which the filter has been switched off.', {
    filter,
  });
  return {
    called(hook, seconds, fault) {
      const series = hooks[hook];
      registry.add(series.calls, 1);
      registry.add(series.seconds, seconds);
      if (fault !== undefined) registry.add(fault === 'error' ? series.errors : series.overBudget, 1);
    },
    notSwitchedOff() {
      registry.set(off, 0);
    },
    switchedOff() {
      registry.set(off, 1);
    },
  };
}

function hookSeries(
  registry: Registry,
  filter: string,
  hook: string,
): { calls: number; seconds: number; errors: number; overBudget: number } {
  const labels = { filter, hook };
  const faults = 'Calls of a filter that failed or took longer than its budget.';
  return {
    calls: registry.counter('tulle_filter_calls_total', 'Calls of a filter.', labels),
    seconds: registry.counter('tulle_filter_seconds_total', 'Time spent in a filter.', labels),
    errors: registry.counter('tulle_filter_faults_total', faults, { ...labels, kind: 'error' }),
    overBudget: registry.counter('tulle_filter_faults_total', faults, { ...labels, kind: 'over_budget' }),
  };
}
