/** The filters of one data thread. One that stays as it is configured goes on with its counts through every change: a switch that an update of endpoints resets is none. */
import { isDeepStrictEqual } from 'node:util';
import type { FilterConfig } from './config/config.js';
import type { FilterModule } from './filter/filter.js';
import { type FilterMeter, type FilterServices, RunningFilter } from './filter/running-filter.js';
import { FilterSequence } from './filter/sequence.js';

export interface FilterSource {
  /** Loads a filter's module. Throws a `ProxyError` `ERR_TULLE_FILTER` that says what is wrong with it. */
  load(config: FilterConfig): FilterModule;
  meter(name: string): FilterMeter;
}

export class Filters {
  private readonly source: FilterSource;
  private readonly services: FilterServices;
  private running: ReadonlyMap<string, RunningFilter> = new Map();
  private next: ReadonlyMap<string, RunningFilter> = new Map();

  constructor(source: FilterSource, services: FilterServices) {
    this.source = source;
    this.services = services;
  }

  /** First half of a change: everything that can fail. */
  begin(configs: readonly FilterConfig[]): void {
    this.next = new Map(configs.map((config) => [config.name, this.runningFor(config)]));
  }

  /** Of the configuration just begun; undefined where there are none. */
  sequence(names: readonly string[] | undefined): FilterSequence | undefined {
    if (names === undefined || names.length === 0) return undefined;
    return new FilterSequence(names.map((name) => this.next.get(name) as RunningFilter));
  }

  /** Second half: cannot fail. */
  commit(): void {
    const former = new Set(this.running.values());
    const next = new Set(this.next.values());
    for (const filter of former) if (!next.has(filter)) filter.settle();
    for (const filter of next) if (!former.has(filter)) filter.settle();
    this.running = this.next;
  }

  private runningFor(config: FilterConfig): RunningFilter {
    const existing = this.running.get(config.name);
    if (existing !== undefined && isDeepStrictEqual(existing.config, config)) return existing;
    const { source, services } = this;
    return new RunningFilter(config, source.load(config), services, source.meter(config.name));
  }
}
