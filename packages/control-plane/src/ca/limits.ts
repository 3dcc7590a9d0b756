/** Bounds of the certificate authority. Each: default, reason, consequence at the bound. */

/** How long an X.509-SVID lives. Short, because there is no revocation; a stolen key is of use for this long. */
export const SVID_TTL_MS: number = 60 * 60 * 1000;

/** No SVID is asked to live shorter: clocks and renewal need some room. Options below it are refused. */
export const MIN_SVID_TTL_MS: number = 1000;

/** No SVID is asked to live longer than a day. Options above it are refused. */
export const MAX_SVID_TTL_MS: number = 24 * 60 * 60 * 1000;

/** Certificates begin this much in the past, so that a peer whose clock is behind takes a fresh one. */
export const CLOCK_SKEW_MS: number = 60 * 1000;

/** How long a root lives. Ten years: the key is replaced well before, by overlap. */
export const ROOT_TTL_MS: number = 10 * 365 * 24 * 60 * 60 * 1000;

/** A root with less than this to live gets a successor. */
export const ROOT_RENEW_BEFORE_MS: number = 365 * 24 * 60 * 60 * 1000;

/** A new root is trusted this long before anything is signed with it: every sidecar must have heard of it first. */
export const ROOT_OVERLAP_MS: number = 24 * 60 * 60 * 1000;

/** A P-256 request with one SAN has about 300 bytes. A longer one than this is refused unread. */
export const MAX_CSR_BYTES: number = 16 * 1024;

/** Kubernetes' tokens have about 1 KB. A longer one than this is refused unread. */
export const MAX_TOKEN_BYTES: number = 16 * 1024;

/** Tokens of an issuer whose clock is ahead or behind by this are taken. */
export const TOKEN_CLOCK_TOLERANCE_SECONDS: number = 10;

/** The key set is read again at most this often when a token fits none of its keys, so that bad tokens cost no disk reads. */
export const JWKS_RELOAD_MIN_INTERVAL_MS: number = 1000;
