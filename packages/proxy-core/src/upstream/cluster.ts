/**
 * A cluster at run time. It survives configuration changes: endpoints that stay keep their pools, load figures and connections; endpoints that go are retired.
 */
import { formatAddress, type SocketAddress } from '../address.js';
import { isSameBalancer, makePicker } from '../balance/balancers.js';
import { recordFailure, recordLatency } from '../balance/load.js';
import { OutlierDetector } from '../balance/outlier.js';
import { type Picker, pickEndpoint } from '../balance/picker.js';
import type { ClusterConfig, EndpointConfig } from '../config/config.js';
import { Breaker } from '../pool/breaker.js';
import { Timer, type TimerOwner, type TimerWheel } from '../time/wheel.js';
import type { Endpoint, UpstreamTls } from './endpoint.js';
import type { ClusterObserver } from './events.js';

/** Builds endpoints: given in by the data thread, which knows sockets, contexts and limits. */
export interface EndpointFactory {
  readonly timers: TimerWheel;
  readonly observer: ClusterObserver;
  /** TLS settings of an endpoint, compiled; undefined for plain text. The string identifies them: a different one is a different endpoint. */
  tls(
    cluster: ClusterConfig,
    endpoint: EndpointConfig,
  ): { readonly settings: UpstreamTls | undefined; readonly key: string };
  make(cluster: Cluster, address: SocketAddress, settings: UpstreamTls | undefined, weight: number): Endpoint;
}

/** Destinations of an `original` cluster that are remembered at once; over it empty ones are forgotten, the oldest first, down to `keptOriginalEndpoints`. */
const maxOriginalEndpoints = 4_096;
/** Room for some hundred new ones, so that the search for empty ones is not made for each. */
const keptOriginalEndpoints = 3_584;

export class Cluster implements TimerOwner {
  readonly name: string;
  readonly breaker: Breaker;
  private readonly factory: EndpointFactory;
  private config: ClusterConfig;
  /** Those that may be chosen: all but the ones of weight 0. */
  private endpoints: readonly Endpoint[] = [];
  private picker: Picker<Endpoint>;
  private readonly outliers: OutlierDetector<Endpoint>;
  private readonly sweepTimer: Timer;
  private byKey: Map<string, Endpoint> = new Map();
  private readonly original: Map<string, Endpoint> = new Map();

  constructor(config: ClusterConfig, factory: EndpointFactory) {
    this.name = config.name;
    this.factory = factory;
    this.config = config;
    this.picker = makePicker(config, []);
    const { observer } = factory;
    this.breaker = new Breaker((limit) => observer.overflowed(this.name, limit), observer.load(config.name));
    this.outliers = new OutlierDetector({
      ejected: (cause) => {
        observer.ejected(this.name, cause);
        if (this.sweepTimer.deadlineMs === 0) factory.timers.arm(this.sweepTimer, this.outliers.intervalMs);
      },
      restored: () => observer.restored(this.name),
    });
    this.sweepTimer = new Timer(this, 'outlier-sweep');
    this.apply(config);
  }

  get connectTimeoutMs(): number {
    return this.config.connectTimeoutMs;
  }

  get idleTimeoutMs(): number | undefined {
    return this.config.idleTimeoutMs;
  }

  /** Takes a new configuration of the same cluster. */
  apply(config: ClusterConfig): void {
    const former = this.config;
    this.config = config;
    this.breaker.configure(config.circuitBreaker);
    const next = new Map<string, Endpoint>();
    let isSame = isSameBalancer(former, config);
    for (const endpointConfig of config.endpoints === 'original' ? [] : config.endpoints) {
      const { settings, key } = this.factory.tls(config, endpointConfig);
      const id = `${formatAddress(endpointConfig.address)} ${key}`;
      const endpoint =
        this.byKey.get(id) ?? this.factory.make(this, endpointConfig.address, settings, endpointConfig.weight);
      isSame &&= endpoint.weight === endpointConfig.weight;
      endpoint.weight = endpointConfig.weight;
      next.set(id, endpoint);
    }
    const gone = [...this.byKey].filter(([id]) => !next.has(id)).map(([, endpoint]) => endpoint);
    if (config.endpoints !== 'original') gone.push(...this.original.values());
    this.replace(next, gone, isSame);
  }

  /** The cluster is no longer configured: what is busy finishes, and nothing can be chosen any more. */
  retire(): void {
    this.config = { ...this.config, endpoints: [], outlierDetection: undefined };
    this.factory.timers.disarm(this.sweepTimer);
    this.replace(new Map(), [...this.byKey.values(), ...this.original.values()], false);
  }

  /**
   * Retires last: whoever waited for a place there chooses again.
   * @param mayKeep weights and balancer are what they were. With the same endpoints, the picker is the same: a table need not be made again.
   */
  private replace(next: Map<string, Endpoint>, gone: readonly Endpoint[], mayKeep: boolean): void {
    this.byKey = next;
    const former = this.endpoints;
    this.endpoints = [...next.values()].filter(({ weight }) => weight > 0);
    const isSame = former.length === this.endpoints.length && former.every((one, i) => one === this.endpoints[i]);
    if (!mayKeep || !isSame) this.picker = makePicker(this.config, this.endpoints);
    this.outliers.configure(this.config.outlierDetection, this.config.panicThresholdPercent, this.endpoints);
    if (this.config.endpoints !== 'original') this.original.clear();
    for (const endpoint of gone) endpoint.pool.retire();
  }

  /** Chooses an endpoint for the next try, or the destination itself for an `original` cluster. */
  pick(
    destination: SocketAddress,
    tried: readonly Endpoint[],
    nowMs: number,
    random: () => number,
    hash: number,
  ): Endpoint | undefined {
    if (this.config.endpoints === 'original') return this.originalEndpoint(destination);
    const { isPanicking } = this.outliers;
    if (isPanicking) this.factory.observer.panicked(this.name);
    return pickEndpoint(this.picker, isPanicking, tried, nowMs, random, hash);
  }

  /** The head of an answer came. */
  answered(endpoint: Endpoint, status: number, latencyMs: number, nowMs: number): void {
    recordLatency(endpoint, latencyMs, nowMs);
    endpoint.avoidUntilMs = 0;
    this.outliers.answered(endpoint, status, nowMs);
  }

  /** A connection for opaque bytes is open. */
  connected(endpoint: Endpoint): void {
    endpoint.avoidUntilMs = 0;
    this.outliers.connected(endpoint);
  }

  /** A try came to nothing, and the endpoint is to blame. */
  failed(endpoint: Endpoint, nowMs: number): void {
    recordFailure(endpoint, nowMs);
    this.outliers.failed(endpoint, nowMs);
  }

  onTimer(_timer: Timer, nowMs: number): void {
    if (this.outliers.sweep(nowMs)) this.factory.timers.arm(this.sweepTimer, this.outliers.intervalMs);
  }

  get isPanicking(): boolean {
    return this.outliers.isPanicking;
  }

  /** Would another pick find an endpoint that is neither among `tried` nor `besides`? An `original` cluster has just one for each destination. */
  hasUntried(tried: readonly Endpoint[], besides?: Endpoint): boolean {
    if (this.config.endpoints === 'original') return tried.length === 0 && besides === undefined;
    return this.endpoints.some((one) => one !== besides && !tried.includes(one));
  }

  /** For admin pages. */
  get known(): readonly Endpoint[] {
    return [...(this.config.endpoints === 'original' ? this.original : this.byKey).values()];
  }

  private originalEndpoint(destination: SocketAddress): Endpoint {
    const id = formatAddress(destination);
    let endpoint = this.original.get(id);
    if (endpoint === undefined) {
      if (this.original.size >= maxOriginalEndpoints) this.forgetEmpty();
      endpoint = this.factory.make(this, destination, undefined, 1);
      this.original.set(id, endpoint);
    }
    return endpoint;
  }

  private forgetEmpty(): void {
    for (const [id, endpoint] of this.original) {
      if (this.original.size <= keptOriginalEndpoints) return;
      if (endpoint.active === 0 && endpoint.pool.isEmpty) this.original.delete(id);
    }
  }
}
