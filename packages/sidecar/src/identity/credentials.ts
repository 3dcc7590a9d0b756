/** A certificate of the mesh with its key, and the roots that came with it. The key is made in this process and leaves it for `stateDir` only. */
export interface Identity {
  /** `spiffe://td/ns/NS/sa/SA`. */
  readonly spiffeId: string;
  /** Leaf first. */
  readonly certificateChainPem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
  readonly trustPem: string;
  /** When it was received, in milliseconds since the epoch by this machine's clock. */
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
}

/** What a sidecar presents when it connects to the control plane. */
export type ClientCredentials = Pick<Identity, 'certificateChainPem' | 'privateKeyPem' | 'trustPem'>;
