import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { CONTROL_PLANE_NAMESPACE, CONTROL_PLANE_SERVICE_ACCOUNT, spiffeId, svidUri } from '@tulle/xds';

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
    const found = svidUri(new X509Certificate(certificate.raw));
    if (!('uri' in found) || found.uri !== expected) {
      return new Error(`the server is ${'uri' in found ? found.uri : found.error}, not the control plane ${expected}`);
    }
    return checkServerIdentity(host, certificate);
  };
}
