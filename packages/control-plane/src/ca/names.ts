import { parseSpiffeId, type WorkloadIdentity } from '@tulle/xds';
import { type Extension, SubjectAlternativeNameExtension, X509Certificate } from './x509.js';

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** A subject alternative name: its kind (`url`, `dns`, `ip`, ...) and text. */
export interface AlternativeName {
  type: string;
  value: string;
}

/** All subject alternative names, of all extensions that carry some: a second extension hides nothing. */
export function alternativeNames(extensions: readonly Extension[]): AlternativeName[] {
  return extensions
    .filter((extension) => extension.type === SUBJECT_ALTERNATIVE_NAME)
    .flatMap((extension) => new SubjectAlternativeNameExtension(extension.rawData).names.items)
    .map(({ type, value }) => ({ type, value }));
}

/**
 * The identity in an X.509-SVID: its URI SAN, if there is exactly one (X509-SVID section 2) and it is one of ours.
 * The chain must have been verified already.
 */
export function svidIdentity(certificateDer: Uint8Array): WorkloadIdentity | undefined {
  const names = alternativeNames(new X509Certificate(certificateDer).extensions);
  const uris = names.filter((name) => name.type === 'url');
  return uris.length === 1 ? parseSpiffeId(uris[0].value) : undefined;
}
