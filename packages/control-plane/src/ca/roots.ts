import { webcrypto } from 'node:crypto';
import { CLOCK_SKEW_MS, ROOT_OVERLAP_MS, ROOT_RENEW_BEFORE_MS, ROOT_TTL_MS } from './limits.js';
import { randomSerial } from './serial.js';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from './x509.js';

/** A root of the trust domain with its key. Times are milliseconds since the epoch. */
export interface Root {
  certificatePem: string;
  /** PKCS #8. */
  privateKeyPem: string;
  notAfter: number;
  /** The root is trusted from its making on; it signs only from here on. */
  signsFrom: number;
}

/** Makes a root that signs at once, as the first of a trust domain does, or from a later time. */
export async function createRoot(trustDomain: string, now: number, signsFrom: number = now): Promise<Root> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const serialNumber = randomSerial();
  const notAfter = now + ROOT_TTL_MS;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Two roots of one domain have different names, so that no verifier takes the one for the other.
    name: [{ O: [trustDomain] }, { CN: [`Tulle root ${serialNumber.slice(0, 8)}`] }],
    serialNumber,
    keys,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(notAfter),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      // X509-SVID section 4.1: a signing certificate's SPIFFE ID has no path.
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    certificatePem: `${certificate.toString('pem').trim()}\n`,
    privateKeyPem: pem('PRIVATE KEY', pkcs8),
    notAfter,
    signsFrom,
  };
}

/** The root to sign with: the newest that may. `roots` is newest first. */
export function signingRoot(roots: readonly Root[], now: number): Root {
  const root = roots.find((root) => root.signsFrom <= now && now < root.notAfter);
  if (root === undefined) throw new Error('no root of the certificate authority may sign now: is the clock right?');
  return root;
}

/** What to do about the roots now. */
function rootsDue(roots: readonly Root[], now: number): { successor: boolean; expired: readonly Root[] } {
  return {
    successor: roots.every((root) => root.notAfter - now < ROOT_RENEW_BEFORE_MS),
    expired: roots.filter((root) => root.notAfter <= now),
  };
}

/** The roots after one turn of renewal, newest first; the same array when nothing is due. */
export async function renewRoots(trustDomain: string, roots: readonly Root[], now: number): Promise<readonly Root[]> {
  const { successor, expired } = rootsDue(roots, now);
  if (!successor && expired.length === 0) return roots;
  const alive = roots.filter((root) => !expired.includes(root));
  if (!successor) return alive;
  // With no root alive there is nobody to wait for.
  return [await createRoot(trustDomain, now, alive.length > 0 ? now + ROOT_OVERLAP_MS : now), ...alive];
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
