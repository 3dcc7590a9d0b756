/**
 * Netlink framing: headers and attributes as bytes. Lengths and types are in the host's byte order, which is little-endian
 * wherever we run (the socket layer refuses other hosts); nf_tables' own integers are big-endian by convention
 * (linux/netfilter/nf_tables.h), registers' contents are what the kernel compares them with.
 */

/** A type-length-value with bytes as value, or with attributes nested in it. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

/** One netlink message of the netfilter subsystem. `about` names it for an error. */
export interface NetfilterMessage {
  readonly type: number;
  readonly flags: number;
  /** nfgenmsg.nfgen_family and res_id (linux/netfilter/nfnetlink.h). */
  readonly family: number;
  readonly resourceId: number;
  readonly attributes: readonly Attribute[];
  readonly about: string;
}

/** Bytes for one `send`, and what each sequence number in them is about. */
export interface EncodedMessages {
  readonly bytes: Uint8Array;
  /** Sequence numbers count from 1; `about[n - 1]` belongs to n. */
  readonly about: readonly string[];
}

const HEADER_BYTES = 16;
const NETFILTER_HEADER_BYTES = 4;
const ATTRIBUTE_HEADER_BYTES = 4;
/** NLA_F_NESTED. */
const NESTED = 0x8000;

export function encodeMessages(messages: readonly NetfilterMessage[]): EncodedMessages {
  const parts = messages.map((message, i) => encodeMessage(message, i + 1));
  return { bytes: Buffer.concat(parts), about: messages.map((message) => message.about) };
}

function encodeMessage(message: NetfilterMessage, sequence: number): Uint8Array {
  const attributes = message.attributes.map(encodeAttribute);
  const head = Buffer.alloc(HEADER_BYTES + NETFILTER_HEADER_BYTES);
  head.writeUInt32LE(
    attributes.reduce((sum, bytes) => sum + bytes.length, head.length),
    0,
  );
  head.writeUInt16LE(message.type, 4);
  head.writeUInt16LE(message.flags, 6);
  head.writeUInt32LE(sequence, 8);
  head.writeUInt8(message.family, 16);
  head.writeUInt16BE(message.resourceId, 18);
  return Buffer.concat([head, ...attributes]);
}

/** Padded to four bytes; the length in the header counts no padding. */
export function encodeAttribute(attribute: Attribute): Uint8Array {
  const nested = !(attribute.value instanceof Uint8Array);
  const value = nested
    ? Buffer.concat((attribute.value as readonly Attribute[]).map(encodeAttribute))
    : (attribute.value as Uint8Array);
  const length = ATTRIBUTE_HEADER_BYTES + value.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(nested ? attribute.type | NESTED : attribute.type, 2);
  bytes.set(value, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

export function nested(type: number, ...attributes: readonly Attribute[]): Attribute {
  return { type, value: attributes };
}

export function bytes(type: number, value: readonly number[] | Uint8Array): Attribute {
  return { type, value: Uint8Array.from(value) };
}

export function integer(type: number, value: number): Attribute {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value | 0);
  return { type, value: buffer };
}

/** NUL-terminated ASCII. */
export function text(type: number, value: string): Attribute {
  return { type, value: Buffer.from(`${value}\0`, 'latin1') };
}
