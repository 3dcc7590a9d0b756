/**
 * A PKCS #10 signing request (RFC 2986), written by hand: four kilobytes of code where a library of X.509 costs a sidecar megabytes of memory.
 *
 *     CertificationRequest { info { version 0, subject {}, key, [0] { extensionRequest { subjectAltName { URI } } } }, ecdsa-with-SHA256, signature }
 */
import { type KeyObject, sign } from 'node:crypto';

const tag = { integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, sequence: 0x30, set: 0x31 } as const;

/** [0] constructed: the attributes of a request. */
const ATTRIBUTES = 0xa0;

/** GeneralName, uniformResourceIdentifier [6] IA5String (RFC 5280 section 4.2.1.6). */
const URI_NAME = 0x86;

const oid = {
  /** 1.2.840.113549.1.9.14 */
  extensionRequest: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e],
  /** 2.5.29.17 */
  subjectAltName: [0x55, 0x1d, 0x11],
  /** 1.2.840.10045.4.3.2 */
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
} as const;

/**
 * @param uri the only name that is asked for; ASCII.
 * @returns DER, signed with the key.
 */
export function signingRequest(keys: { publicKey: KeyObject; privateKey: KeyObject }, uri: string): Buffer {
  const names = der(tag.sequence, der(URI_NAME, Buffer.from(uri, 'latin1')));
  const extension = der(tag.sequence, oidOf(oid.subjectAltName), der(tag.octetString, names));
  const attribute = der(tag.sequence, oidOf(oid.extensionRequest), der(tag.set, der(tag.sequence, extension)));
  const emptySubject = der(tag.sequence);
  const version = der(tag.integer, Buffer.from([0]));
  const key = keys.publicKey.export({ type: 'spki', format: 'der' });
  const info = der(tag.sequence, version, emptySubject, key, der(ATTRIBUTES, attribute));
  const signature = sign('sha256', info, keys.privateKey);
  const noUnusedBits = Buffer.from([0]);
  return der(
    tag.sequence,
    info,
    der(tag.sequence, oidOf(oid.ecdsaWithSha256)),
    der(tag.bitString, noUnusedBits, signature),
  );
}

function oidOf(bytes: readonly number[]): Buffer {
  return der(tag.oid, Buffer.from(bytes));
}

/** Tag, length, content (X.690 section 8.1). */
function der(identifier: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([identifier, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}
