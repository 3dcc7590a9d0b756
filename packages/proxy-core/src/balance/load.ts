/** Stage balance: what is known of an endpoint's load and health, and how it is learnt. Pure: the time comes in. */

/** What a balancer knows about an endpoint; the exchange that uses it writes the figures. */
export interface Load {
  /** Stays the same as long as the endpoint does, on every proxy: what consistent hashing hashes. */
  readonly key: string;
  /** Above 0. */
  readonly weight: number;
  /** Exchanges and connections under way. */
  active: number;
  /** Peak-sensitive moving average of the time to an answer's head, ms. */
  latencyMs: number;
  /** When `latencyMs` was last written, monotonic ms. */
  measuredMs: number;
  /** Not to be chosen before this time while others are there; 0: healthy. */
  avoidUntilMs: number;
  /** Taken out by outlier detection. */
  ejected: boolean;
}

/**
 * Half of an old peak is forgotten in this time. A cold start a hundred times slower than what follows is forgotten in seven halvings: with only two endpoints the one
 * that was slow once would be left alone that long.
 */
export const decayMs = 1_000;
/** How long an endpoint that refused or reset a connection is passed over. */
const avoidMs = 1_000;

/** Takes a measured time in: a rise counts at once, a fall decays, so that one slow answer is not forgotten in a burst of quick ones. */
export function recordLatency(load: Load, latencyMs: number, nowMs: number): void {
  if (latencyMs >= load.latencyMs) {
    load.latencyMs = latencyMs;
  } else {
    const keep = 2 ** (-(nowMs - load.measuredMs) / decayMs);
    load.latencyMs = load.latencyMs * keep + latencyMs * (1 - keep);
  }
  load.measuredMs = nowMs;
}

/** Passes an endpoint over for a while after it failed; the next success takes that back. */
export function recordFailure(load: Load, nowMs: number): void {
  load.avoidUntilMs = nowMs + avoidMs;
}
