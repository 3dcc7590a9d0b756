/**
 * Stage balance: passive health checking (Envoy: config.cluster.v3.OutlierDetection, the part that counts consecutive failures). Pure: the time comes in.
 *
 *     in service ──as many failures in a row as are allowed──▶ ejected for base × how often, at most max
 *         ▲                                                        │
 *         └──────────── a sweep finds that the time is over ───────┘    each sweep in service makes the next ejection shorter again
 *
 * Never more than a share of the endpoints is out at a time. With too few in service, the cluster panics: ejection counts for nothing until more are back.
 */
import type { OutlierDetectionConfig } from '../config/config.js';
import type { Load } from './load.js';

/** What detection remembers of an endpoint. */
export interface Suspect extends Load {
  /** Failures since the last success, by kind. */
  serverErrors: number;
  gatewayFailures: number;
  localOriginFailures: number;
  /** Ejections that count for the length of the next one. */
  ejections: number;
  /** Monotonic ms; meaningful while `ejected`. */
  ejectedUntilMs: number;
}

export type EjectionCause = '5xx' | 'gateway-failure' | 'local-origin-failure';

/** Who hears of ejections: they are counted. */
export interface EjectionEvents {
  ejected(cause: EjectionCause): void;
  restored(): void;
}

/** Envoy's defaults; see `OutlierDetectionConfig` for what each means. */
const defaults: Required<OutlierDetectionConfig> = {
  consecutive5xx: 5,
  consecutiveGatewayFailure: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailure: 5,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 10,
  alwaysEjectOneHost: false,
};
/** Envoy's default: below half of the endpoints in service, all of them are used. */
const defaultPanicPercent = 50;

export class OutlierDetector<E extends Suspect> {
  /** Ejection counts for nothing now. */
  isPanicking = false;
  private readonly events: EjectionEvents;
  private settings: Required<OutlierDetectionConfig> | undefined = undefined;
  private panicPercent = defaultPanicPercent;
  private endpoints: readonly E[] = [];
  private ejected = 0;

  constructor(events: EjectionEvents) {
    this.events = events;
  }

  /** ms between sweeps. */
  get intervalMs(): number {
    return (this.settings ?? defaults).intervalMs;
  }

  /** Takes a new configuration, and the endpoints that may be chosen. Those that stay keep what is known of them; without detection all are back in service. */
  configure(
    config: OutlierDetectionConfig | undefined,
    panicPercent: number | undefined,
    endpoints: readonly E[],
  ): void {
    this.settings = config === undefined ? undefined : settingsOf(config);
    this.panicPercent = panicPercent ?? defaultPanicPercent;
    const gone = new Set(this.endpoints);
    this.endpoints = endpoints;
    for (const endpoint of endpoints) gone.delete(endpoint);
    for (const endpoint of this.settings === undefined ? [...gone, ...endpoints] : gone) {
      if (endpoint.ejected) this.restore(endpoint);
    }
    this.recount();
  }

  /** An endpoint answered. */
  answered(endpoint: E, status: number, nowMs: number): void {
    const { settings } = this;
    if (settings === undefined) return;
    // Whatever the answer, the endpoint was reached.
    endpoint.localOriginFailures = 0;
    if (status >= 500) {
      this.countError(endpoint, status >= 502 && status <= 504, settings, nowMs);
    } else {
      endpoint.serverErrors = 0;
      endpoint.gatewayFailures = 0;
    }
  }

  /** A connection for opaque bytes came about. What goes over it nobody can judge. */
  connected(endpoint: E): void {
    endpoint.serverErrors = 0;
    endpoint.gatewayFailures = 0;
    endpoint.localOriginFailures = 0;
  }

  /** This proxy could not reach an endpoint, or lost the connection to it, or waited in vain. */
  failed(endpoint: E, nowMs: number): void {
    const { settings } = this;
    if (settings === undefined) return;
    if (!settings.splitExternalLocalOriginErrors) {
      this.countError(endpoint, true, settings, nowMs);
    } else if (++endpoint.localOriginFailures === settings.consecutiveLocalOriginFailure) {
      endpoint.localOriginFailures = 0;
      this.eject(endpoint, 'local-origin-failure', settings, nowMs);
    }
  }

  /** Every interval, as long as it returns true: brings back whose time is over. */
  sweep(nowMs: number): boolean {
    let goesOn = false;
    for (const endpoint of this.endpoints) {
      if (!endpoint.ejected) endpoint.ejections = Math.max(0, endpoint.ejections - 1);
      else if (endpoint.ejectedUntilMs <= nowMs) this.restore(endpoint);
      goesOn ||= endpoint.ejected || endpoint.ejections > 0;
    }
    this.recount();
    return goesOn;
  }

  private countError(
    endpoint: E,
    isGatewayFailure: boolean,
    settings: Required<OutlierDetectionConfig>,
    nowMs: number,
  ): void {
    // At the threshold counting begins anew, whether or not the endpoint could be ejected.
    const isGateway = isGatewayFailure && ++endpoint.gatewayFailures === settings.consecutiveGatewayFailure;
    if (isGateway || !isGatewayFailure) endpoint.gatewayFailures = 0;
    const isServer = ++endpoint.serverErrors === settings.consecutive5xx;
    if (isServer) endpoint.serverErrors = 0;
    if (isGateway || isServer) this.eject(endpoint, isGateway ? 'gateway-failure' : '5xx', settings, nowMs);
  }

  private eject(endpoint: E, cause: EjectionCause, settings: Required<OutlierDetectionConfig>, nowMs: number): void {
    if (endpoint.ejected || !this.endpoints.includes(endpoint)) return;
    const { maxEjectionPercent, alwaysEjectOneHost, baseEjectionTimeMs, maxEjectionTimeMs } = settings;
    const isWithin = 100 * (this.ejected + 1) <= maxEjectionPercent * this.endpoints.length;
    if (!isWithin && !(alwaysEjectOneHost && this.ejected === 0)) return;
    endpoint.ejected = true;
    endpoint.ejections++;
    endpoint.ejectedUntilMs = nowMs + Math.min(baseEjectionTimeMs * endpoint.ejections, maxEjectionTimeMs);
    this.recount();
    this.events.ejected(cause);
  }

  private restore(endpoint: E): void {
    endpoint.ejected = false;
    this.connected(endpoint);
    this.events.restored();
  }

  private recount(): void {
    const { length } = this.endpoints;
    this.ejected = this.endpoints.reduce((sum, { ejected }) => (ejected ? sum + 1 : sum), 0);
    this.isPanicking = this.ejected > 0 && 100 * (length - this.ejected) < this.panicPercent * length;
  }
}

function settingsOf(config: OutlierDetectionConfig): Required<OutlierDetectionConfig> {
  const settings = { ...defaults, ...config };
  // As in Envoy, a longer base is its own maximum.
  return { ...settings, maxEjectionTimeMs: Math.max(settings.maxEjectionTimeMs, settings.baseEjectionTimeMs) };
}
