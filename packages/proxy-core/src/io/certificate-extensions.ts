/**
 * Two extensions of a certificate that node:crypto does not tell: its `ca` is false for a CA whose key usage has no keyCertSign, and its `keyUsage` is the
 * extended one. Read from the DER form (RFC 5280 section 4.1, ITU-T X.690), as far as the way there needs. Pure.
 */

import type { KeyUsage, PeerCertificate } from './io.js';

export type CertificateExtensions = Pick<PeerCertificate, 'isCa' | 'keyUsage'>;

const boolean = 0x01;
const bitString = 0x03;
const octetString = 0x04;
const objectIdentifier = 0x06;
const sequence = 0x30;
/** TBSCertificate: extensions [3] EXPLICIT. */
const extensionsField = 0xa3;

/** 2.5.29.15 and 2.5.29.19. */
const keyUsageId = '551d0f';
const basicConstraintsId = '551d13';

/** Where the content of an element lies: `bytes[start, end)`. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Throws when the certificate is not of this form, or has one of the two extensions twice. */
export function certificateExtensions(der: Uint8Array): CertificateExtensions {
  const values = extensionValues(der);
  const constraints = values.get(basicConstraintsId);
  const usage = values.get(keyUsageId);
  return {
    isCa: constraints !== undefined && isCa(constraints),
    keyUsage: usage === undefined ? undefined : keyUsage(usage),
  };
}

/** The DER value of each of the two extensions that the certificate has, by the hexadecimal form of its object identifier. */
function extensionValues(der: Uint8Array): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const certificate = expect(sequence, elementAt(der, 0, der.length));
  const body = expect(sequence, elementAt(der, certificate.start, certificate.end));
  for (const field of elements(der, body)) {
    if (field.tag !== extensionsField) continue;
    const list = expect(sequence, elementAt(der, field.start, field.end));
    for (const extension of elements(der, list)) {
      // OBJECT IDENTIFIER, BOOLEAN DEFAULT FALSE (critical), OCTET STRING.
      const parts = elements(der, expect(sequence, extension));
      const id = expect(objectIdentifier, parts[0]);
      const value = expect(octetString, parts[parts.length - 1]);
      const name = Buffer.from(der.subarray(id.start, id.end)).toString('hex');
      if (name !== basicConstraintsId && name !== keyUsageId) continue;
      if (found.has(name)) throw malformed('an extension comes twice');
      found.set(name, der.subarray(value.start, value.end));
    }
  }
  return found;
}

/** BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }. Anything but 0 is true (X.690 section 8.2.2). */
function isCa(value: Uint8Array): boolean {
  const [first] = elements(value, expect(sequence, elementAt(value, 0, value.length)));
  if (first === undefined || first.tag !== boolean) return false;
  if (first.end - first.start !== 1) throw malformed('a truth value of more or less than a byte');
  return value[first.start] !== 0;
}

/** KeyUsage ::= BIT STRING: the number of unused bits in the last byte, then the bits, from the highest of the first byte on; those left out are 0. */
function keyUsage(value: Uint8Array): KeyUsage {
  const { start, end } = expect(bitString, elementAt(value, 0, value.length));
  const unused = start < end ? value[start] : 8;
  if (unused > 7) throw malformed('a bit string without its bits');
  let first = start + 1 < end ? value[start + 1] : 0;
  if (start + 2 === end) first &= 0xff << unused;
  return { digitalSignature: (first & 0x80) !== 0, keyCertSign: (first & 0x04) !== 0, cRLSign: (first & 0x02) !== 0 };
}

/** All elements inside one. */
function elements(bytes: Uint8Array, outer: Element): Element[] {
  const found: Element[] = [];
  for (let at = outer.start; at < outer.end; ) {
    const element = elementAt(bytes, at, outer.end);
    found.push(element);
    at = element.end;
  }
  return found;
}

/** The element that begins at `at` and ends at `limit` at the latest. */
function elementAt(bytes: Uint8Array, at: number, limit: number): Element {
  if (limit - at < 2) throw malformed('it ends too early');
  const tag = bytes[at];
  if ((tag & 0x1f) === 0x1f) throw malformed('a tag of more than one byte');
  let length = bytes[at + 1];
  let start = at + 2;
  if (length >= 0x80) {
    const count = length & 0x7f;
    // 0 is the indefinite form, which is not DER.
    if (count < 1 || count > 4 || count > limit - start) throw malformed('a length that cannot be');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[start++];
  }
  if (length > limit - start) throw malformed('it ends too early');
  return { tag, start, end: start + length };
}

function expect(tag: number, element: Element | undefined): Element {
  if (element?.tag !== tag) throw malformed(`tag ${element?.tag ?? 'missing'} where ${tag} belongs`);
  return element;
}

function malformed(what: string): Error {
  return new Error(`the certificate's DER form is wrong: ${what}`);
}
