/** Stage balance: which endpoint of a cluster takes the next try? Pure: load figures, randomness and the time come in. */

/** What a balancer knows about an endpoint; the exchange that uses it writes the figures. */
export interface Load {
  readonly weight: number;
  /** Exchanges and connections under way. */
  active: number;
  /** Peak-sensitive moving average of the time to an answer's head, ms. */
  latencyMs: number;
  /** When `latencyMs` was last written, monotonic ms. */
  measuredMs: number;
  /** Not to be chosen before this time while others are there; 0: healthy. */
  avoidUntilMs: number;
}

/**
 * Half of an old peak is forgotten in this time. A cold start a hundred times slower than what follows is forgotten in seven halvings: with only two endpoints the one
 * that was slow once would be left alone that long.
 */
const decayMs = 1_000;
/** An endpoint never measured counts as this fast, so that it is tried soon but not flooded. */
const initialLatencyMs = 1;
/** How long an endpoint that refused or reset a connection is passed over. */
const avoidMs = 1_000;

/**
 * Power of two choices over cost = latency × (active + 1) / weight (Mitzenmacher 2001; the peak-EWMA of Finagle and linkerd).
 * `tried` endpoints and those to be avoided are passed over as long as others are left. Returns undefined when there are no endpoints.
 */
export function pickLeastLoaded<E extends Load>(
  endpoints: readonly E[],
  tried: readonly E[],
  nowMs: number,
  random: () => number,
): E | undefined {
  const { length } = endpoints;
  if (length === 0) return undefined;
  if (length === 1) return endpoints[0];
  if (tried.length > 0 || endpoints.some((endpoint) => endpoint.avoidUntilMs > nowMs)) {
    const fresh = preferred(endpoints, tried, nowMs);
    if (fresh.length < length) return pickLeastLoaded(fresh, [], nowMs, random);
  }
  const first = Math.floor(random() * length);
  let second = Math.floor(random() * (length - 1));
  if (second >= first) second++;
  const a = endpoints[first];
  const b = endpoints[second];
  return cost(a, nowMs) <= cost(b, nowMs) ? a : b;
}

/** Turn by turn, weights ignored; `turn` counts up with each pick. */
export function pickRoundRobin<E extends Load>(
  endpoints: readonly E[],
  tried: readonly E[],
  nowMs: number,
  turn: number,
): E | undefined {
  const fresh = preferred(endpoints, tried, nowMs);
  return fresh[turn % fresh.length];
}

/** The fewest active; ties by chance. */
export function pickLeastRequest<E extends Load>(
  endpoints: readonly E[],
  tried: readonly E[],
  nowMs: number,
  random: () => number,
): E | undefined {
  const fresh = preferred(endpoints, tried, nowMs);
  let best: E | undefined;
  let ties = 0;
  for (const endpoint of fresh) {
    const difference = best === undefined ? -1 : endpoint.active / endpoint.weight - best.active / best.weight;
    if (difference < 0) {
      best = endpoint;
      ties = 1;
    } else if (difference === 0) {
      ties++;
      if (random() * ties < 1) best = endpoint;
    }
  }
  return best;
}

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

function cost(load: Load, nowMs: number): number {
  const age = nowMs - load.measuredMs;
  const latency = load.measuredMs === 0 ? initialLatencyMs : load.latencyMs * 2 ** (-age / decayMs);
  return ((latency + 0.01) * (load.active + 1)) / load.weight;
}

/** Endpoints neither tried nor avoided; if none is left, those not tried; if none, all: a last chance is better than none. */
function preferred<E extends Load>(endpoints: readonly E[], tried: readonly E[], nowMs: number): readonly E[] {
  const untried = tried.length === 0 ? endpoints : endpoints.filter((endpoint) => !tried.includes(endpoint));
  const healthy = untried.filter((endpoint) => endpoint.avoidUntilMs <= nowMs);
  if (healthy.length > 0) return healthy;
  return untried.length > 0 ? untried : endpoints;
}
