/** The balancers by their names. */
import type { ClusterConfig } from '../config/config.js';
import { defaultMaxRingSize, defaultMinRingSize, defaultTableSize, maxRingSize } from '../limits.js';
import { LeastRequest } from './least-request.js';
import type { Load } from './load.js';
import { Maglev } from './maglev.js';
import { TwoChoices } from './p2c.js';
import type { Picker } from './picker.js';
import { RingHash } from './ring-hash.js';
import { RoundRobin } from './round-robin.js';

/** What of a cluster decides how its endpoints are chosen. */
export type BalancerSettings = Pick<ClusterConfig, 'balancer' | 'leastRequest' | 'ringHash' | 'maglev'>;

/** A snapshot of endpoints, each with a weight above 0. */
export function makePicker<E extends Load>(settings: BalancerSettings, endpoints: readonly E[]): Picker<E> {
  const { balancer, leastRequest, ringHash, maglev } = settings;
  switch (balancer) {
    case 'p2c':
      return new TwoChoices(endpoints);
    case 'least-request':
      return new LeastRequest(endpoints, leastRequest?.choiceCount ?? 0);
    case 'round-robin':
      return new RoundRobin(endpoints);
    case 'ring-hash': {
      const least = ringHash?.minimumRingSize ?? Math.min(defaultMinRingSize, ringHash?.maximumRingSize ?? maxRingSize);
      return new RingHash(endpoints, least, ringHash?.maximumRingSize ?? Math.max(defaultMaxRingSize, least));
    }
    case 'maglev':
      return new Maglev(endpoints, maglev?.tableSize ?? defaultTableSize);
  }
}

/** Would the two make the same picker of the same endpoints? */
export function isSameBalancer(a: BalancerSettings, b: BalancerSettings): boolean {
  return (
    a.balancer === b.balancer &&
    a.leastRequest?.choiceCount === b.leastRequest?.choiceCount &&
    a.ringHash?.minimumRingSize === b.ringHash?.minimumRingSize &&
    a.ringHash?.maximumRingSize === b.ringHash?.maximumRingSize &&
    a.maglev?.tableSize === b.maglev?.tableSize
  );
}
