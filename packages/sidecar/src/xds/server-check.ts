import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { CONTROL_PLANE_NAMESPACE, CONTROL_PLANE_SERVICE_ACCOUNT, spiffeId } from '@tulle/xds';

/**
 * Makes the check of who the control plane is, after its chain has been verified: its certificate carries the DNS name that was dialled and, as its
 * only URI, the SPIFFE ID of a control plane of the trust domain. Any other workload of the mesh has a certificate of the same root.
 */
export function controlPlaneCheck(
  trustDomain: string,
): (host: string, certificate: PeerCertificate) => Error | undefined {
  const expected = spiffeId({
    trustDomain,
    namespace: CONTROL_PLANE_NAMESPACE,
    serviceAccount: CONTROL_PLANE_SERVICE_ACCOUNT,
  });
  return (host, certificate) => {
    const uris = uriNames(certificate.subjectaltname ?? '');
    if (uris.length !== 1 || uris[0] !== expected) {
      return new Error(`the server is ${uris.join(', ') || 'without a SPIFFE ID'}, not the control plane ${expected}`);
    }
    return checkServerIdentity(host, certificate);
  };
}

/** `DNS:a, URI:spiffe://b`. A name that holds a comma comes quoted, and is none of ours. */
function uriNames(subjectAltName: string): string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
}
