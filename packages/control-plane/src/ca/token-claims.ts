import { TokenError, type TokenIdentity } from './tokens.js';

/** RFC 1123 names, as Kubernetes has them: nothing in them could change the meaning of a SPIFFE ID. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_ACCOUNT = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Reads the identity from the claims of a verified service-account token: `kubernetes.io` names the service account and the
 * pod, and `sub` says the same. A token that is bound to no pod is of no use: it would outlive every pod, wherever it was copied to.
 * @throws TokenError
 */
export function identityOfClaims(claims: Readonly<Record<string, unknown>>): TokenIdentity {
  const bound = recordAt(claims, 'kubernetes.io', 'claim "kubernetes.io"');
  const account = recordAt(bound, 'serviceaccount', 'claim "kubernetes.io".serviceaccount');
  const namespace = bound.namespace;
  const serviceAccount = account.name;
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    throw new TokenError('claim "kubernetes.io".namespace is not the name of a namespace');
  }
  if (typeof serviceAccount !== 'string' || !SERVICE_ACCOUNT.test(serviceAccount)) {
    throw new TokenError('claim "kubernetes.io".serviceaccount.name is not the name of a service account');
  }
  if (claims.sub !== `system:serviceaccount:${namespace}:${serviceAccount}`) {
    throw new TokenError('claim "sub" does not say what "kubernetes.io" says');
  }
  return { namespace, serviceAccount, pod: podOf(bound) };
}

function podOf(bound: Readonly<Record<string, unknown>>): TokenIdentity['pod'] {
  const { name, uid } = recordAt(bound, 'pod', 'claim "kubernetes.io".pod');
  if (typeof name !== 'string' || typeof uid !== 'string') {
    throw new TokenError('claim "kubernetes.io".pod must have a name and a uid');
  }
  return { name, uid };
}

function recordAt(parent: Readonly<Record<string, unknown>>, key: string, what: string): Record<string, unknown> {
  const value = parent[key];
  if (typeof value !== 'object' || value === null) throw new TokenError(`${what} is missing`);
  return value as Record<string, unknown>;
}
