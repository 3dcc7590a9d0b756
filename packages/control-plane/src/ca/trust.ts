/**
 * What a workload must trust to believe its peers: the roots of one trust domain, as of one generation.
 *
 * A value, never mutated: a rotation of roots makes a new bundle with a higher generation, and while the old and the new root
 * overlap both are in it.
 */
export interface TrustBundle {
  /** The SPIFFE trust domain, for example `cluster.local`. */
  trustDomain: string;
  /** One or more CERTIFICATE blocks, newest root first. */
  rootsPem: string;
  /** Rises by one with every change of the roots. */
  generation: number;
}
