/**
 * Stage detect: what a ClientHello asks for, as far as it decides who takes it: ALPN and server name (RFC 8446 section 4.1.2, RFC 7301, RFC 6066 section 3). Pure.
 *
 *     record     22 | 3 | minor | length:u16 | fragment                                      one message may lie in several (RFC 8446 section 5.1)
 *     message    1 | length:u24 | version:u16 | random:32 | session<0..32> | suites<2..> | compression<1..> | extensions<0..>
 *     extension  type:u16 | length:u16 | data
 *
 * A message that ends before the TLS 1.2 field of extensions does is whole. Nothing may follow it in its record: whoever speaks TLS waits for the answer.
 */

export interface ClientHello {
  /** Protocols offered, in the client's order, a byte a character; empty without the extension. */
  readonly alpn: readonly string[];
  /** '' without the extension. */
  readonly serverName: string;
}

const handshakeRecord = 22;
const majorVersion = 3;
const maxFragmentBytes = 16_384;
const recordHeadBytes = 5;
const clientHelloType = 1;
const messageHeadBytes = 4;
const serverNameExtension = 0;
const alpnExtension = 16;
const hostName = 0;

/**
 * Reads `bytes[start, end)`, all that has arrived so far. `more`: it depends on what comes. `malformed`: no ClientHello begins like this, or none that ends
 * within `maxBytes` bytes, record heads included.
 */
export function readClientHello(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): ClientHello | 'more' | 'malformed' {
  const message = joinFragments(bytes, start, end, maxBytes);
  return typeof message === 'string' ? message : parse(new Reader(message, messageHeadBytes, message.length));
}

/** The whole handshake message, type and length included. Copies nothing before it is whole: a client that sends it byte by byte has it read as often. */
function joinFragments(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): Uint8Array | 'more' | 'malformed' {
  let size = 0;
  let announced = 0;
  let arrived = 0;
  let total = Number.POSITIVE_INFINITY;
  for (let at = start; ; ) {
    if (at < end && bytes[at] !== handshakeRecord) return 'malformed';
    if (at + 1 < end && bytes[at + 1] !== majorVersion) return 'malformed';
    if (end - at < recordHeadBytes) break;
    const length = bytes[at + 3] * 256 + bytes[at + 4];
    if (length === 0 || length > maxFragmentBytes) return 'malformed';
    const from = at + recordHeadBytes;
    const to = Math.min(from + length, end);
    for (let i = from; i < to && arrived + i - from < messageHeadBytes; i++) {
      const place = arrived + i - from;
      if (place === 0 && bytes[i] !== clientHelloType) return 'malformed';
      if (place > 0) size = size * 256 + bytes[i];
      if (place === messageHeadBytes - 1) total = messageHeadBytes + size;
    }
    announced += length;
    arrived += to - from;
    if (announced > total || (total !== Number.POSITIVE_INFINITY && total > maxBytes)) return 'malformed';
    at = to;
    if (arrived === total) return at - start > maxBytes ? 'malformed' : joined(bytes, start, total);
    if (to < from + length) break;
  }
  return end - start >= maxBytes ? 'malformed' : 'more';
}

/** Of records that hold `total` bytes together. */
function joined(bytes: Uint8Array, start: number, total: number): Uint8Array {
  const message = new Uint8Array(total);
  for (let at = start, length = 0; length < total; ) {
    const from = at + recordHeadBytes;
    at = from + bytes[at + 3] * 256 + bytes[at + 4];
    message.set(bytes.subarray(from, at), length);
    length += at - from;
  }
  return message;
}

function parse(message: Reader): ClientHello | 'malformed' {
  message.skip(2 + 32);
  message.vector(1, 0, 32);
  const suites = message.vector(2, 2, 65_534);
  message.vector(1, 1, 255);
  const hello = { alpn: [] as readonly string[], serverName: '' };
  if (!message.failed && message.left > 0) readExtensions(message, hello);
  return message.failed || suites.left % 2 !== 0 ? 'malformed' : hello;
}

function readExtensions(message: Reader, hello: { alpn: readonly string[]; serverName: string }): void {
  const extensions = message.vector(2, 0, 65_535);
  if (message.left > 0) message.failed = true;
  const seen = new Set<number>();
  while (extensions.left > 0 && !message.failed) {
    const type = extensions.number(2);
    const data = extensions.vector(2, 0, 65_535);
    // RFC 8446 section 4.2: none may come twice, or two readers could take one each.
    if (seen.has(type)) extensions.failed = true;
    seen.add(type);
    if (type === alpnExtension) hello.alpn = readProtocols(data);
    else if (type === serverNameExtension) hello.serverName = readServerName(data);
    if (extensions.failed || data.failed) message.failed = true;
  }
}

/** RFC 7301 section 3.1: ProtocolName ProtocolNameList<2..2^16-1>, each of 1 to 255 bytes. */
function readProtocols(data: Reader): string[] {
  const list = data.vector(2, 2, 65_535);
  const protocols: string[] = [];
  while (list.left > 0 && !list.failed) protocols.push(list.vector(1, 1, 255).text());
  if (list.failed || data.left > 0) data.failed = true;
  return protocols;
}

/** RFC 6066 section 3: names of several types, at most one of each; a host name is ASCII without a trailing dot. */
function readServerName(data: Reader): string {
  const list = data.vector(2, 1, 65_535);
  let found = '';
  while (list.left > 0 && !list.failed) {
    const type = list.number(1);
    const name = list.vector(2, 1, 65_535).text();
    if (type !== hostName) continue;
    if (found !== '' || !/^[!-~]+$/.test(name)) list.failed = true;
    found = name;
  }
  if (list.failed || data.left > 0) data.failed = true;
  return found;
}

/** A cursor that never leaves its bytes: what is not there sets `failed` on it, and reads as 0 or as nothing. */
class Reader {
  failed = false;
  private readonly bytes: Uint8Array;
  private at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  skip(count: number): void {
    if (count > this.left) this.failed = true;
    else this.at += count;
  }

  /** Big-endian, of 1 or 2 bytes. */
  number(size: number): number {
    if (size > this.left) {
      this.failed = true;
      return 0;
    }
    const high = size === 2 ? this.bytes[this.at++] * 256 : 0;
    return high + this.bytes[this.at++];
  }

  /** What follows its length, which has `size` bytes and lies from `min` to `max`. */
  vector(size: number, min: number, max: number): Reader {
    const length = this.number(size);
    if (this.failed || length < min || length > max || length > this.left) {
      this.failed = true;
      return new Reader(this.bytes, this.end, this.end);
    }
    const inner = new Reader(this.bytes, this.at, this.at + length);
    this.at += length;
    return inner;
  }

  text(): string {
    return Buffer.from(this.bytes.subarray(this.at, this.end)).toString('latin1');
  }
}
