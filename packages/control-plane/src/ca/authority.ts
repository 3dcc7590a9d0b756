import { webcrypto } from 'node:crypto';
import { spiffeId, type WorkloadIdentity } from '@tulle/xds';
import { CLOCK_SKEW_MS } from './limits.js';
import { type Root, signingRoot } from './roots.js';
import { randomSerial } from './serial.js';
import type { TrustBundle } from './trust.js';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.js';

/** The roots of a trust domain, newest first, and how often they have changed. */
export interface AuthorityState {
  readonly trustDomain: string;
  readonly generation: number;
  readonly roots: readonly Root[];
}

export interface IssueRequest {
  /** SubjectPublicKeyInfo, DER. The caller has checked that its owner has the private key. */
  publicKeyDer: Uint8Array;
  identity: WorkloadIdentity;
  /** Names beside the SPIFFE ID, for a server that clients dial by name. */
  dnsNames?: readonly string[];
  ttlMs: number;
}

export interface IssuedCertificate {
  /** Leaf first; roots are not included. */
  chainDer: Uint8Array[];
  /** Milliseconds since the epoch. */
  notAfter: number;
  /** Hex; safe to log. */
  serial: string;
}

/**
 * Signs an X.509-SVID: no subject, one URI SAN, critical since the subject is empty (RFC 5280 section 4.2.1.6), usable for both
 * ends of a TLS connection and for nothing else. It never outlives the root that signed it.
 */
export async function issueSvid(state: AuthorityState, request: IssueRequest, now: number): Promise<IssuedCertificate> {
  const root = signingRoot(state.roots, now);
  const issuer = new X509Certificate(root.certificatePem);
  const publicKey = new PublicKey(Buffer.from(request.publicKeyDer));
  const serial = randomSerial();
  const notAfter = Math.min(now + request.ttlMs, root.notAfter);
  const names = [
    { type: 'url' as const, value: spiffeId(request.identity) },
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    issuer: issuer.subjectName,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(notAfter),
    publicKey,
    signingKey: await importSigningKey(root.privateKeyPem),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(names, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { chainDer: [new Uint8Array(certificate.rawData)], notAfter, serial };
}

/** What workloads must trust: all roots, also one that does not sign yet or no more. */
export function trustBundleOf(state: AuthorityState): TrustBundle {
  const rootsPem = state.roots.map((root) => root.certificatePem).join('');
  return Object.freeze({ trustDomain: state.trustDomain, rootsPem, generation: state.generation });
}

/** The roots of a bundle one by one, DER. */
export function rootsDer(trust: TrustBundle): Uint8Array[] {
  return PemConverter.decode(trust.rootsPem).map((der) => new Uint8Array(der));
}

/** A chain as TLS servers want it. */
export function chainPem(chainDer: readonly Uint8Array[]): string {
  return chainDer.map((der) => `${PemConverter.encode(Buffer.from(der), 'CERTIFICATE').trim()}\n`).join('');
}

async function importSigningKey(privateKeyPem: string): Promise<webcrypto.CryptoKey> {
  const [pkcs8] = PemConverter.decode(privateKeyPem);
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
}
