import { randomBytes } from 'node:crypto';

/** A serial number: 16 random bytes as hex, positive and of full length (RFC 5280 section 4.1.2.2), so 126 bits of chance. */
export function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return bytes.toString('hex');
}
