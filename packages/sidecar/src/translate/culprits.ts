/**
 * Whose resources the places are that the proxy complains about. Each resource was checked alone when it came, so what is left are resources that do not go
 * together. Pure.
 */
import type { ConfigError, ProxyConfig } from '@tulle/proxy-core';
import type { XdsType } from '@tulle/xds';
import { boundListeners, type PartsByName } from './proxy-config.js';

export interface Culprit {
  readonly type: XdsType;
  readonly name: string;
  readonly why: string;
}

/** @returns those that can be told; empty: the complaint is about something that is the sidecar's own. */
export function culpritsOf({ complaints }: ConfigError, config: ProxyConfig, parts: PartsByName): Culprit[] {
  const found = new Map<string, Culprit>();
  for (const { path, message } of complaints) {
    const owner = ownerOf(path, config, parts);
    if (owner === undefined || !parts[owner.type].has(owner.name)) continue;
    const key = `${owner.type} ${owner.name}`;
    if (!found.has(key)) found.set(key, { ...owner, why: `${path} ${message}` });
  }
  return [...found.values()];
}

type Owner = Pick<Culprit, 'type' | 'name'>;

/** `clusters[2].endpoints[0].tls` is of the assignment of that cluster, `listeners[0].chains[7].tls` of the listener that has this chain. */
function ownerOf(path: string, config: ProxyConfig, parts: PartsByName): Owner | undefined {
  const match = /^(clusters|listeners|routes|trust)\[(\d+)\](?:\.(endpoints|chains)\[(\d+)\])?/.exec(path);
  if (match === null) return undefined;
  const [, kind, first, inner, second] = match;
  const at = Number(first);
  switch (kind) {
    case 'clusters':
      return ofCluster(config.clusters[at].name, inner === 'endpoints', parts);
    case 'listeners': {
      const { listener, chains } = boundListeners([...parts.lds.values()])[at];
      return { type: 'lds', name: inner === 'chains' ? chains[Number(second)].owner.name : listener.name };
    }
    case 'routes':
      return ofTable(config.routes[at].name, config, parts);
    default:
      return { type: 'sds', name: config.trust[at].name };
  }
}

function ofCluster(name: string, isEndpoint: boolean, parts: PartsByName): Owner {
  const endpoints = parts.cds.get(name)?.endpoints;
  if (isEndpoint && endpoints?.kind === 'eds') return { type: 'eds', name: endpoints.name };
  return { type: 'cds', name };
}

/** A table is a resource, or stands inside a listener. */
function ofTable(name: string, config: ProxyConfig, parts: PartsByName): Owner | undefined {
  if (parts.rds.has(name)) return { type: 'rds', name };
  const bound = boundListeners([...parts.lds.values()]);
  for (const [l, { chains }] of config.listeners.entries()) {
    const c = chains.findIndex(({ http }) => http?.routes === name);
    if (c >= 0) return { type: 'lds', name: bound[l].chains[c].owner.name };
  }
  return undefined;
}
