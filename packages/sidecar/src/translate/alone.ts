/**
 * What the proxy itself says of one resource: its own check, of a configuration in which that resource is the only one that says anything. So that what the
 * proxy would refuse is refused where it came from, and holds nobody else up. Pure.
 */
import { ConfigError, checkConfig } from '@tulle/proxy-core';
import type { XdsType } from '@tulle/xds';
import type { ClusterPart } from './cluster.js';
import type { ListenerPart } from './listener.js';
import { assemble, type OwnFacts, type PartsByName, secretNames } from './proxy-config.js';
import { Refusal } from './refusal.js';
import type { Parts } from './resources.js';

const pem = '-----BEGIN ';

/** In place of the sidecar's own: none of it is what a resource says. */
const facts: OwnFacts = {
  trustDomain: 'cluster.local',
  podIp: '0.0.0.0',
  isRedirected: true,
  outboundProxy: undefined,
  accessLog: { target: 'off', format: 'json' },
  identity: { certificateChainPem: pem, privateKeyPem: pem, trustPem: pem },
};

/** Whatever else it refers to is taken for refused, which nothing waits for. */
const nothingElse = { has: () => true };

/** @throws Refusal with the place in the proxy's configuration, and what must stand there. */
export function checkAlone<T extends XdsType>(type: T, part: Parts[T]): void {
  const assembled = assemble(partsOf(type, part), facts, nothingElse);
  if ('missing' in assembled) throw new Error(`our bug: ${assembled.missing} is not stood in for`);
  const { config } = assembled;
  try {
    // Route tables are taken over as they are, and used by listeners only.
    checkConfig(type === 'rds' ? { ...config, routes: [part as Parts['rds']] } : config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [{ path, message }] = error.complaints;
    throw new Refusal(path, message);
  }
}

function partsOf<T extends XdsType>(type: T, part: Parts[T]): PartsByName {
  const parts = { cds: new Map(), eds: new Map(), sds: new Map(), lds: new Map(), rds: new Map() };
  parts[type].set(part.name, part);
  if (type === 'eds') parts.cds.set(part.name, clusterOf(part.name));
  if (type === 'lds') {
    const listener = part as ListenerPart;
    if (listener.kind === 'virtual') parts.lds.set('', hostOf(listener));
  }
  for (const name of secretNames(parts)) if (!parts.sds.has(name)) parts.sds.set(name, { name, pem });
  return parts;
}

/** A cluster whose endpoints they could be. */
function clusterOf(name: string): ClusterPart {
  return {
    name,
    endpoints: { kind: 'eds', name },
    balancing: { balancer: 'p2c' },
    connectTimeoutMs: 1,
    circuitBreaker: undefined,
    tls: undefined,
    sockets: [],
  };
}

/** The listener through which a virtual one is reached. */
function hostOf({ direction }: ListenerPart): ListenerPart {
  return { name: 'host', direction, address: { host: '0.0.0.0', port: 0 }, kind: 'redirected', chains: [] };
}
