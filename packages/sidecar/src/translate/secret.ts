import { X509Certificate } from 'node:crypto';
import type { Secret } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { Refusal } from './refusal.js';

/** Roots to trust, by the name that TLS settings refer to. */
export interface TrustedRoots {
  readonly name: string;
  readonly pem: string;
}

/** A secret is a set of roots here. Keys are refused: the sidecar makes its own. */
export function trustedRoots({ name, type }: Secret): TrustedRoots {
  if (type.case !== 'validationContext') throw new Refusal('validation_context', 'is missing');
  const { trustedCa, matchTypedSubjectAltNames } = type.value;
  if (matchTypedSubjectAltNames.length > 0) {
    throw new Refusal('validation_context.match_typed_subject_alt_names', 'is not understood in a secret');
  }
  const source = trustedCa?.specifier;
  const path = 'validation_context.trusted_ca';
  if (source?.case !== 'inlineString' && source?.case !== 'inlineBytes') throw new Refusal(path, 'must be inline');
  const pem = source.case === 'inlineString' ? source.value : new TextDecoder().decode(source.value);
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new Refusal(path, 'holds no certificate in PEM');
  if (!certificates.every(isCertificate)) throw new Refusal(path, 'holds a certificate that cannot be read');
  return { name, pem };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g;

/** What TLS cannot read would fail only where all of the configuration is compiled. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
