/** The clusters of one data thread, and how their endpoints are dialled: stage secure towards upstream. */
import type { SocketAddress } from './address.js';
import { Http1Client } from './codec/http1/client.js';
import type { ClusterConfig, EndpointConfig } from './config/config.js';
import type { UpstreamConnection, UpstreamOwner } from './exchange.js';
import type { Failure } from './failure.js';
import type { Connection, ConnectionHandler, Io } from './io/io.js';
import type { Limits } from './limits.js';
import { Pool } from './pool/pool.js';
import type { ClientTls, Contexts } from './secure/contexts.js';
import { verifyPeer } from './secure/peer.js';
import type { TimerWheel } from './time/wheel.js';
import { Cluster, type EndpointFactory } from './upstream/cluster.js';
import { Endpoint, type UpstreamTls } from './upstream/endpoint.js';
import type { ClusterObserver } from './upstream/events.js';

export class Upstreams implements EndpointFactory {
  readonly timers: TimerWheel;
  readonly observer: ClusterObserver;
  private readonly io: Io;
  private readonly limits: () => Limits;
  private readonly contexts: Contexts;
  private readonly clusters: Map<string, Cluster> = new Map();
  /** TLS settings by cluster configuration, compiled before anything is swapped. */
  private compiled: Map<ClusterConfig, ClientTls> = new Map();

  constructor(io: Io, contexts: Contexts, limits: () => Limits, observer: ClusterObserver) {
    this.io = io;
    this.timers = io.timers;
    this.observer = observer;
    this.contexts = contexts;
    this.limits = limits;
  }

  get(name: string): Cluster | undefined {
    return this.clusters.get(name);
  }

  get all(): Iterable<Cluster> {
    return this.clusters.values();
  }

  /** First half of a change: everything that can fail. Throws `IoFailure` for a certificate or key that cannot be read. */
  compile(configs: readonly ClusterConfig[]): Map<ClusterConfig, ClientTls> {
    const compiled = new Map<ClusterConfig, ClientTls>();
    for (const config of configs) if (config.tls !== undefined) compiled.set(config, this.contexts.client(config.tls));
    return compiled;
  }

  /** Second half: cannot fail. */
  apply(configs: readonly ClusterConfig[], compiled: Map<ClusterConfig, ClientTls>): void {
    this.compiled = compiled;
    const names = new Set(configs.map(({ name }) => name));
    for (const [name, cluster] of this.clusters) {
      if (names.has(name)) continue;
      this.clusters.delete(name);
      cluster.retire();
    }
    for (const config of configs) {
      const existing = this.clusters.get(config.name);
      if (existing === undefined) this.clusters.set(config.name, new Cluster(config, this));
      else existing.apply(config);
    }
  }

  retire(): void {
    for (const cluster of this.clusters.values()) cluster.retire();
  }

  tls(cluster: ClusterConfig, endpoint: EndpointConfig): { settings: UpstreamTls | undefined; key: string } {
    const client = endpoint.tls ? this.compiled.get(cluster) : undefined;
    if (client === undefined) return { settings: undefined, key: 'plain' };
    const allowedUris = endpoint.allowedUris ?? client.allowedUris;
    return {
      settings: {
        context: client.context,
        serverName: client.serverName,
        expected: { trustDomain: client.trustDomain, allowedUris },
      },
      key: `${client.context.key} ${client.serverName} ${client.trustDomain ?? ''} ${allowedUris.join(' ')}`,
    };
  }

  make(cluster: Cluster, address: SocketAddress, settings: UpstreamTls | undefined, weight: number): Endpoint {
    const { io } = this;
    return new Endpoint(
      address,
      settings,
      weight,
      (endpoint) =>
        new Pool({
          dial: (owner) => this.dialHttp(endpoint, cluster, owner),
          breaker: cluster.breaker,
          timers: io.timers,
          clock: io.clock,
          idleTimeoutMs: () => cluster.idleTimeoutMs ?? this.limits().upstreamIdleTimeoutMs,
        }),
    );
  }

  /** Starts connecting for opaque bytes. */
  dial(endpoint: Endpoint, cluster: Cluster, handler: ConnectionHandler): Connection {
    return this.io.connect(connectOptions(endpoint, cluster), handler);
  }

  /** Is the server who it should be? undefined: yes. */
  verify(endpoint: Endpoint, connection: Connection): Failure | undefined {
    if (endpoint.tls === undefined) return undefined;
    const verdict = verifyPeer(connection.peer, endpoint.tls.expected);
    return verdict.kind === 'rejected' ? verdict.failure : undefined;
  }

  private dialHttp(endpoint: Endpoint, cluster: Cluster, owner: UpstreamOwner): UpstreamConnection {
    const client = new Http1Client(this.io, this.limits(), owner, (connection) => this.verify(endpoint, connection));
    client.connect(connectOptions(endpoint, cluster));
    return client;
  }
}

function connectOptions(endpoint: Endpoint, cluster: Cluster): Parameters<Io['connect']>[0] {
  return {
    address: endpoint.address,
    tls: endpoint.tls?.context,
    serverName: endpoint.tls?.serverName ?? '',
    timeoutMs: cluster.connectTimeoutMs,
  };
}
