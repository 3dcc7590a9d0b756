/** Certificates for tests: an authority and the leaves it signs, right ones and every wrong one. P-256 throughout, as SPIFFE identities are. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const hourMs = 3_600_000;

/** What a TLS context takes, and the DER form of the leaf. */
export interface TestIdentity {
  /** PEM, leaf first. */
  readonly certificateChainPem: string;
  /** PEM, PKCS #8. */
  readonly privateKeyPem: string;
  readonly certificateDer: Uint8Array;
}

/** RFC 5280 section 4.2.1.3. */
export type KeyUse = keyof typeof KeyUsageFlags;

/** Everything that a leaf may have wrong. The defaults make a right X509-SVID (X509-SVID section 4). */
export interface LeafOptions {
  /** URI entries of the subject alternative name: one in a right SVID. */
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Marks the leaf as a CA, which an SVID must not be. */
  readonly ca?: boolean;
  /** Uses of the key; undefined: digitalSignature; `absent`: the extension is left out. */
  readonly keyUsage?: readonly KeyUse[] | 'absent';
  /** Extended uses, OIDs; undefined: client and server; `absent`: the extension is left out. */
  readonly extendedKeyUsage?: readonly string[] | 'absent';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Subject, such as `CN=spoof`; SVIDs have none that matters. */
  readonly subject?: string;
}

/** Everything that an authority may have wrong. The defaults make a right one. */
export interface IntermediateOptions {
  readonly name?: string;
  readonly ca?: boolean;
  /** How many authorities may stand below it (RFC 5280 section 4.2.1.9). */
  readonly pathLength?: number;
  readonly keyUsage?: readonly KeyUse[] | 'absent';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface TestAuthority {
  /** PEM of the root: the trust bundle. */
  readonly rootPem: string;
  leaf(options: LeafOptions): Promise<TestIdentity>;
  /** A right SVID with one URI. */
  svid(uri: string): Promise<TestIdentity>;
  /** An authority below this one: its leaves come with its own certificate in their chain. Its `rootPem` is that of the root. */
  intermediate(options?: IntermediateOptions): Promise<TestAuthority>;
  /** An SVID whose hour has passed. */
  expired(uri: string): Promise<TestIdentity>;
}

/** A self-signed root. Two of them trust nothing of each other. */
export async function createAuthority(name = 'Test Root', options: IntermediateOptions = {}): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...authorityFields(options),
    keys,
  });
  const rootPem = `${root.toString('pem')}\n`;
  return authority({ subject: root.subject, signingKey: keys.privateKey, chainPem: '', rootPem });
}

interface Issuer {
  readonly subject: string;
  readonly signingKey: webcrypto.CryptoKey;
  /** Of the authorities between the leaf and the root. */
  readonly chainPem: string;
  readonly rootPem: string;
}

function authority(issuer: Issuer): TestAuthority {
  const { subject, signingKey, chainPem, rootPem } = issuer;
  const leaf = async (options: LeafOptions): Promise<TestIdentity> => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: options.subject ?? 'O=Test',
      issuer: subject,
      notBefore: options.notBefore ?? new Date(Date.now() - 60_000),
      notAfter: options.notAfter ?? new Date(Date.now() + hourMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: leafExtensions(options),
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return {
      certificateChainPem: `${certificate.toString('pem')}\n${chainPem}`,
      privateKeyPem: pem('PRIVATE KEY', key),
      certificateDer: new Uint8Array(certificate.rawData),
    };
  };
  const intermediate = async (options: IntermediateOptions = {}): Promise<TestAuthority> => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${options.name ?? 'Test Intermediate'}`,
      issuer: subject,
      ...authorityFields(options),
      publicKey: keys.publicKey,
      signingKey,
    });
    return authority({
      subject: certificate.subject,
      signingKey: keys.privateKey,
      chainPem: `${certificate.toString('pem')}\n${chainPem}`,
      rootPem,
    });
  };
  return {
    rootPem,
    leaf,
    intermediate,
    svid: (uri) => leaf({ uris: [uri] }),
    expired: (uri) =>
      leaf({ uris: [uri], notBefore: new Date(Date.now() - 2 * hourMs), notAfter: new Date(Date.now() - hourMs) }),
  };
}

function authorityFields({ ca = true, pathLength, keyUsage, notBefore, notAfter }: IntermediateOptions) {
  return {
    serialNumber: serial(),
    notBefore: notBefore ?? new Date(Date.now() - 24 * hourMs),
    notAfter: notAfter ?? new Date(Date.now() + 24 * hourMs),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(ca, pathLength, true),
      ...keyUsages(keyUsage ?? ['keyCertSign', 'cRLSign']),
    ],
  };
}

function leafExtensions(options: LeafOptions): Extension[] {
  const names: JsonGeneralNames = [
    ...(options.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(options.ca ?? false, undefined, true),
    ...keyUsages(options.keyUsage ?? ['digitalSignature']),
    ...extendedKeyUsages(options.extendedKeyUsage ?? [serverAuth, clientAuth]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function extendedKeyUsages(uses: readonly string[] | 'absent'): Extension[] {
  return uses === 'absent' ? [] : [new ExtendedKeyUsageExtension([...uses])];
}

function keyUsages(uses: readonly KeyUse[] | 'absent'): Extension[] {
  if (uses === 'absent') return [];
  return [
    new KeyUsagesExtension(
      uses.reduce((flags, use) => flags | KeyUsageFlags[use], 0),
      true,
    ),
  ];
}

/** 16 random bytes, positive. */
function serial(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
