import type { RouteTableConfig } from '@tulle/proxy-core';
import type { RoutesOf } from './filters.js';

/** The route tables of one configuration. Those inside listeners get a name here; equal ones are one. */
export class RouteTables {
  private readonly named: ReadonlyMap<string, RouteTableConfig>;
  private readonly tables: Map<string, RouteTableConfig> = new Map();
  private readonly inline: Map<string, string> = new Map();

  /** @param named the tables that are resources: their names are kept. */
  constructor(named: ReadonlyMap<string, RouteTableConfig>) {
    this.named = named;
  }

  /** A table that matches nothing, in place of one that could not be read. */
  addEmpty(name: string): void {
    this.tables.set(name, { name, virtualHosts: [] });
  }

  nameOf(routes: RoutesOf): string {
    if (routes.kind === 'inline') return this.nameOfInline(routes.table);
    const table = this.named.get(routes.name);
    if (table !== undefined) this.tables.set(routes.name, table);
    return routes.name;
  }

  /** Those that were asked for. */
  used(): RouteTableConfig[] {
    return [...this.tables.values()];
  }

  private nameOfInline(table: RouteTableConfig): string {
    const content = JSON.stringify(table);
    const known = this.inline.get(content);
    if (known !== undefined) return known;
    const base = table.name || 'inline';
    let name = base;
    for (let n = 2; this.tables.has(name) || this.named.has(name); n++) name = `${base}#${n}`;
    this.inline.set(content, name);
    this.tables.set(name, { ...table, name });
    return name;
  }
}
