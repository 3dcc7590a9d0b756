/** Request ids: version 4 UUIDs (RFC 9562 section 5.4) from the thread's own randomness, written without a string. They identify, they authenticate nothing. */
import { fieldIds } from './message/fields.js';
import { addedBytes, fromLatin1, type Head } from './message/head.js';

/** Writes an id, `requestIdBytes` long, to `target` at `at`. */
export type RequestIdWriter = (target: Uint8Array, at: number) => void;

const idBytes = 36;
const name = fromLatin1('x-request-id');

/** What a head grows by when it is given an id. */
export const requestIdRoom: number = addedBytes(name, idBytes);

/** Gives a request an id as a field of its own, unless it came with one. `head.bytes` has `requestIdRoom` behind its end. */
export function ensureRequestId(head: Head, write: RequestIdWriter): void {
  if (head.find(fieldIds['x-request-id']) >= 0) return;
  const at = head.addField(fieldIds['x-request-id'], name, idBytes);
  write(head.bytes, at);
}

/** The two digits of each byte. */
const digits = new Uint8Array(512);
for (let byte = 0; byte < 256; byte++) digits.set(fromLatin1(byte.toString(16).padStart(2, '0')), 2 * byte);

/** Where each byte of the id stands in its text; dashes lie between. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** `random`: uniform in [0, 1), with 32 random bits at least. */
export function requestIdWriter(random: () => number): RequestIdWriter {
  return (target, at) => {
    let word = 0;
    for (let i = 0; i < 16; i++) {
      word = (i & 3) === 0 ? (random() * 0x1_0000_0000) | 0 : word >>> 8;
      let byte = word & 255;
      if (i === 6) byte = (byte & 0x0f) | 0x40;
      else if (i === 8) byte = (byte & 0x3f) | 0x80;
      const to = at + places[i];
      target[to] = digits[2 * byte];
      target[to + 1] = digits[2 * byte + 1];
    }
    target[at + 8] = target[at + 13] = target[at + 18] = target[at + 23] = 45;
  };
}
