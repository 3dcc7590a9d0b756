import { readFile } from 'node:fs/promises';
import { TOKEN_AUDIENCE } from '@tulle/xds';
import { createLocalJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { JWKS_RELOAD_MIN_INTERVAL_MS, MAX_TOKEN_BYTES, TOKEN_CLOCK_TOLERANCE_SECONDS } from './limits.js';
import { identityOfClaims } from './token-claims.js';
import { ReviewUnavailableError, TokenError, type TokenIdentity, type TokenReviewer } from './tokens.js';

export interface JwksReviewerOptions {
  /** What the claim `iss` must be. */
  issuer: string;
  /** A file with the issuer's public keys (RFC 7517); read again when a token fits none of them. */
  jwksFile: string;
  /** Milliseconds since the epoch. */
  now?: () => number;
  readText?: (path: string) => Promise<string>;
}

/** Signatures with a shared secret are not among them: whoever could check one could make one. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA'];

/** Reviews service-account tokens by the public keys of their issuer. */
export function createJwksReviewer(options: JwksReviewerOptions): TokenReviewer {
  const { now = Date.now } = options;
  const keys = keysFromFile(options, now);

  async function verify(token: string, getKey: JWTVerifyGetKey): Promise<TokenIdentity> {
    const { payload } = await jwtVerify(token, getKey, {
      issuer: options.issuer,
      audience: TOKEN_AUDIENCE,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: TOKEN_CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now()),
    });
    return identityOfClaims(payload);
  }

  return {
    async review(token) {
      if (token.length > MAX_TOKEN_BYTES) throw new TokenError(`the token is longer than ${MAX_TOKEN_BYTES} bytes`);
      try {
        return await verify(token, await keys.current());
      } catch (error) {
        if (!mayBeNewKey(error)) throw explain(error);
        const reloaded = await keys.reload();
        if (reloaded === undefined) throw explain(error);
        return await verify(token, reloaded).catch((second) => {
          throw explain(second);
        });
      }
    },
  };
}

/** True for what a token signed by a key newer than the set would come to. */
function mayBeNewKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

interface KeyCache {
  current(): Promise<JWTVerifyGetKey>;
  /** Undefined when the file was read a moment ago. */
  reload(): Promise<JWTVerifyGetKey | undefined>;
}

function keysFromFile(options: JwksReviewerOptions, now: () => number): KeyCache {
  const { jwksFile, readText = (path) => readFile(path, 'utf8') } = options;
  let keys: JWTVerifyGetKey | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  async function read(): Promise<JWTVerifyGetKey> {
    readAt = now();
    try {
      keys = createLocalJWKSet(JSON.parse(await readText(jwksFile)));
      return keys;
    } catch (cause) {
      const why = (cause as Error).message;
      throw new ReviewUnavailableError(`${jwksFile}: no key set can be read (${why}). Give --token-jwks a JWKS file.`, {
        cause,
      });
    }
  }
  return {
    current: async () => keys ?? read(),
    reload: async () => (now() - readAt < JWKS_RELOAD_MIN_INTERVAL_MS ? undefined : read()),
  };
}

function explain(error: unknown): Error {
  if (error instanceof TokenError || error instanceof ReviewUnavailableError) return error;
  if (error instanceof errors.JWTExpired) return new TokenError('the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new TokenError(
      `the claim "${error.claim}" of the token is ${error.reason === 'missing' ? 'missing' : 'not as required'}`,
    );
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return new TokenError('the token is signed by a key that is not known');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new TokenError('the signature of the token does not hold');
  if (error instanceof errors.JOSEAlgNotAllowed) return new TokenError('the algorithm of the token is not allowed');
  if (error instanceof errors.JOSEError) return new TokenError('the token is not a signed JWT');
  return new TokenError('the token cannot be checked', { cause: error });
}
