/** ClientHellos to read: put together from parts, or cut into records at will. */

export interface HelloParts {
  readonly alpn?: readonly string[];
  readonly serverName?: string;
  /** Further extensions, type and data; put before the others. */
  readonly extensions?: readonly (readonly [number, Uint8Array])[];
  /** undefined: 32 bytes. */
  readonly sessionBytes?: number;
  /** The TLS 1.2 form in which nothing follows the compression methods. */
  readonly withoutExtensions?: boolean;
}

const u16 = (value: number): number[] => [value >> 8, value & 255];
const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const vector16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const vector8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];

/** The handshake message, type and length included. */
export function helloMessage(parts: HelloParts): Uint8Array {
  const { alpn, serverName, extensions = [], sessionBytes = 32 } = parts;
  const all = extensions.map(([type, data]) => [...u16(type), ...vector16([...data])]);
  if (serverName !== undefined) all.push([...u16(0), ...vector16(vector16([0, ...vector16(ascii(serverName))]))]);
  if (alpn !== undefined) all.push([...u16(16), ...vector16(vector16(alpn.flatMap((name) => vector8(ascii(name)))))]);
  const body = [
    ...u16(0x0303),
    ...new Array<number>(32).fill(7),
    ...vector8(new Array<number>(sessionBytes).fill(9)),
    ...vector16([0x13, 0x01, 0x13, 0x02]),
    ...vector8([0]),
    ...(parts.withoutExtensions ? [] : vector16(all.flat())),
  ];
  return Uint8Array.from([1, body.length >> 16, ...u16(body.length & 0xffff), ...body]);
}

/** Records of the given fragment sizes, the last with what is left. */
export function inRecords(message: Uint8Array, sizes: readonly number[] = []): Uint8Array {
  const records: number[] = [];
  let at = 0;
  for (const size of [...sizes, message.length]) {
    const end = Math.min(at + size, message.length);
    if (end > at) records.push(22, 3, 1, ...u16(end - at), ...message.subarray(at, end));
    at = end;
  }
  return Uint8Array.from(records);
}
