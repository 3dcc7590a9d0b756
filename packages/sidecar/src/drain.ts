import type { ClusterState, Proxy as DataPlaneProxy, ProxyConfig } from '@tulle/proxy-core';
import { DRAIN_CHECK_MS, DRAIN_LIMIT_MS, INBOUND_DRAIN_MS, LAST_DRAIN_MS } from './limits.js';
import type { Outside } from './outside.js';

/**
 * Ends a proxy without breaking what it has begun. First inbound: no new connections, and what is open is answered, while outbound works as always.
 * When nobody is being answered any more, or at its limit, all of it drains.
 * @returns the number of connections cut off at the limit.
 */
export async function drainProxy(
  proxy: DataPlaneProxy,
  config: ProxyConfig,
  { now, setTimer, log }: Outside,
): Promise<number> {
  const startMs = now();
  const outbound = config.listeners.filter(({ direction }) => direction === 'outbound');
  const inboundClusters = clustersOfInbound(config);
  await proxy.update({ ...config, listeners: outbound });
  while (now() < startMs + INBOUND_DRAIN_MS && activeIn(await proxy.clusters(), inboundClusters) > 0) {
    await new Promise<void>((resolve) => setTimer(DRAIN_CHECK_MS, resolve));
  }
  const drainTimeoutMs = Math.max(startMs + DRAIN_LIMIT_MS - now(), LAST_DRAIN_MS);
  await proxy.update({ ...config, listeners: outbound, limits: { ...config.limits, drainTimeoutMs } });
  const cut = await proxy.drain();
  log.info({ cut, tookMs: now() - startMs }, 'drained');
  return cut;
}

/** Names of the clusters that inbound listeners lead to. */
export function clustersOfInbound({ listeners, routes }: ProxyConfig): Set<string> {
  const tables = new Map(routes.map((table) => [table.name, table]));
  const names = new Set<string>();
  for (const { direction, chains } of listeners) {
    if (direction !== 'inbound') continue;
    for (const { tcp, http } of chains) {
      for (const { cluster } of tcp?.clusters ?? []) names.add(cluster);
      for (const host of tables.get(http?.routes ?? '')?.virtualHosts ?? []) {
        for (const { action } of host.routes) {
          if (action.kind === 'forward') for (const { cluster } of action.clusters) names.add(cluster);
        }
      }
    }
  }
  return names;
}

/** Exchanges and tunnels under way in these clusters, over all data threads. */
export function activeIn(threads: readonly (readonly ClusterState[])[], names: ReadonlySet<string>): number {
  let active = 0;
  for (const cluster of threads.flat()) {
    if (names.has(cluster.name)) for (const endpoint of cluster.endpoints) active += endpoint.active;
  }
  return active;
}
