/** The Keep-Alive field's `timeout` (RFC 2068 section 19.7.1.1, still what servers send): how long the server keeps an idle connection. */

const name = 'timeout=';
/** A day: longer ones mean nothing to a pool. */
const maxSeconds = 86_400;

/** Milliseconds from the value in `bytes[start, end)`, 0 when it names none. */
export function keepAliveTimeoutMs(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i + name.length < end; i++) {
    if (!startsWithName(bytes, i) || (i > start && isWordByte(bytes[i - 1]))) continue;
    let seconds = 0;
    for (let k = i + name.length; k < end; k++) {
      const digit = bytes[k] - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      seconds = Math.min(maxSeconds, seconds * 10 + digit);
    }
    return seconds * 1_000;
  }
  return 0;
}

function startsWithName(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < name.length; i++) if ((bytes[at + i] | 32) !== (name.charCodeAt(i) | 32)) return false;
  return true;
}

function isWordByte(byte: number): boolean {
  return (byte | 32) >= 97 && (byte | 32) <= 122;
}
