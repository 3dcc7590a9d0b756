/** Who shows a token: a service account, and the pod that the token is bound to. */
export interface TokenIdentity {
  namespace: string;
  serviceAccount: string;
  pod: { name: string; uid: string };
}

/** A token that does not hold. The message says why, and holds nothing of the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** The tokens cannot be checked now; whose they are is not known. The message holds the remedy. */
export class ReviewUnavailableError extends Error {
  override readonly name = 'ReviewUnavailableError';
}

/** Says whose a token is. Kubernetes' TokenReview is one way to know, a set of public keys another. */
export interface TokenReviewer {
  /** @throws TokenError, ReviewUnavailableError */
  review(token: string): Promise<TokenIdentity>;
}
