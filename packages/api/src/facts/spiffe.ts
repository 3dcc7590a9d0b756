/** Who a workload is. */
export interface WorkloadIdentity {
  trustDomain: string;
  namespace: string;
  serviceAccount: string;
}

/** SPIFFE-ID section 2.1: a trust domain is lower-case letters, digits, dots, dashes and underscores. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})\/ns\/([a-z0-9-]{1,63})\/sa\/([a-z0-9.-]{1,253})$/;

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function spiffeId({ trustDomain, namespace, serviceAccount }: WorkloadIdentity): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** Undefined for a URI that is not exactly of the form that `spiffeId` makes: nothing is normalised. */
export function parseSpiffeId(uri: string): WorkloadIdentity | undefined {
  const match = SPIFFE_ID.exec(uri);
  return match === null ? undefined : { trustDomain: match[1], namespace: match[2], serviceAccount: match[3] };
}
