/** Who a workload is: a service account of a namespace. */
export interface WorkloadIdentity {
  trustDomain: string;
  namespace: string;
  serviceAccount: string;
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function spiffeId(identity: WorkloadIdentity): string {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** SPIFFE-ID section 2.1: a trust domain is lower-case letters, digits, dots, dashes and underscores. */
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

/** A namespace is an RFC 1123 label, a service account an RFC 1123 subdomain. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})\/ns\/([a-z0-9-]{1,63})\/sa\/([a-z0-9.-]{1,253})$/;

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text);
}

/** Undefined when the URI is not one that Tulle issues: it compares whole and exactly, and never normalises. */
export function parseSpiffeId(uri: string): WorkloadIdentity | undefined {
  const match = SPIFFE_ID.exec(uri);
  if (match === null) return undefined;
  return { trustDomain: match[1], namespace: match[2], serviceAccount: match[3] };
}

/** The control plane's own place in the mesh: it is who holds the certificate that the sidecars connect to. */
export const CONTROL_PLANE_NAMESPACE = 'tulle-system';
export const CONTROL_PLANE_SERVICE_ACCOUNT = 'control-plane';
export const CONTROL_PLANE_SERVER_NAME = 'control-plane.tulle-system.svc';

/** The audience that a service-account token must have to be exchanged for a certificate. */
export const TOKEN_AUDIENCE = 'tulle-ca';
