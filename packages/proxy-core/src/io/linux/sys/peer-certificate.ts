/** The leaf certificate of a peer, from X509 to facts. */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from '../../io.js';
import { peerCertificate } from '../../peer-certificate.js';
import { addressOf, scratch } from './memory.js';
import { i2d_X509 } from './openssl.js';

/** Certificates remembered by their bytes: peers come again and again with the same one. At the edge all are forgotten and read anew. */
const maxRemembered = 256;

const remembered = new Map<string, PeerCertificate>();
const cursor = scratch(8);

/** Throws when what OpenSSL could read cannot be read here. */
export function readPeerCertificate(certificate: number): PeerCertificate {
  const size = i2d_X509(certificate, 0);
  if (size <= 0) throw new Error(`a verified certificate that has no DER form (${size})`);
  const der = Buffer.allocUnsafeSlow(size);
  // i2d_X509 writes to *cursor and moves it to the end.
  cursor.view.setBigUint64(0, BigInt(addressOf(der)), true);
  i2d_X509(certificate, cursor.address);
  const key = der.toString('latin1');
  const known = remembered.get(key);
  if (known !== undefined) return known;
  if (remembered.size >= maxRemembered) remembered.clear();
  const facts = peerCertificate(new X509Certificate(der));
  remembered.set(key, facts);
  return facts;
}
