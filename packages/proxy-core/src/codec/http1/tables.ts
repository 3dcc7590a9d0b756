/** Byte classes of RFC 9110 section 5.5, 5.6.2 and RFC 9112, as tables: one load decides what a byte may be. */

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;

/**
 * Of a byte allowed in a field name (tchar): its lower-case form, with `underscoreMark` added for `_`; 0 for every other byte.
 * A name whose bytes have the mark in common needs the look-alike check of look-alikes.ts.
 */
export const nameBytes: Uint16Array = new Uint16Array(256);
export const underscoreMark = 0x100;

/** 1 for bytes allowed in a field value or reason phrase: HTAB, SP, VCHAR and obs-text. */
export const valueBytes: Uint8Array = new Uint8Array(256);

/** 1 for bytes allowed in a request target: VCHAR without `#`, since a fragment is never sent and servers disagree about it (RFC 9112 section 3.2). */
export const targetBytes: Uint8Array = new Uint8Array(256);

/** 1 for bytes allowed in a method, which is a token (RFC 9110 section 9.1). */
export const methodBytes: Uint8Array = new Uint8Array(256);

/** Value of a hexadecimal digit, 255 for every other byte. */
export const hexValues: Uint8Array = new Uint8Array(256).fill(255);

for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  const code = character.charCodeAt(0);
  nameBytes[code] = character === '_' ? code | underscoreMark : code;
}
for (let upper = 65; upper <= 90; upper++) nameBytes[upper] = upper | 32;
for (let code = 0; code < 256; code++) {
  if (code === HTAB || (code >= SP && code !== 127)) valueBytes[code] = 1;
  if (code > SP && code < 127 && code !== 35) targetBytes[code] = 1;
  if (nameBytes[code] !== 0) methodBytes[code] = 1;
}
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  hexValues[text.charCodeAt(0)] = digit;
  hexValues[text.toUpperCase().charCodeAt(0)] = digit;
}

/** Whether `bytes[start, end)` equals `lower` (ASCII, lower case) when case is folded. */
export function equalsFolded(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i];
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lower[i]) return false;
  }
  return true;
}
