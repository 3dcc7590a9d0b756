/** Node's own strict HTTP parser (llhttp) as a second reader of the same bytes. */
import { createRequire } from 'node:module';

interface NodeParser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): Error | undefined;
  close(): void;
  [callback: number]: unknown;
}

interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = createRequire(import.meta.url)('node:_http_common') as { readonly HTTPParser: NodeParserClass };

export interface ReadMessage {
  /** The parser's number of the method; `methodNumber` gives that of a name. */
  readonly method: number | undefined;
  readonly url: string;
  readonly status: number;
  readonly minorVersion: number;
  readonly keepAlive: boolean;
  /** `name: value` */
  readonly fields: string[];
  body: string;
  isWhole: boolean;
}

/** The messages in `bytes`, or undefined when the parser refuses them. */
export function readWithNode(kind: 'request' | 'response', bytes: Uint8Array): ReadMessage[] | undefined {
  const parser = new HTTPParser();
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 0, 0);
  const messages: ReadMessage[] = [];
  // Fields beyond the first 32, and trailers, come in pieces; from then on the parser tells fields and target this way only.
  let early: string[] = [];
  let earlyUrl = '';
  parser[HTTPParser.kOnHeaders] = (fields: string[], url: string) => {
    early = early.concat(fields);
    earlyUrl += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minorVersion: number,
    fields: string[] | undefined,
    method: number | undefined,
    url: string | undefined,
    status: number,
    _phrase: string,
    _upgrade: boolean,
    keepAlive: boolean,
  ): number => {
    const flat = fields ?? early;
    const target = url ?? earlyUrl;
    early = [];
    earlyUrl = '';
    const pairs: string[] = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push(`${flat[i]}: ${flat[i + 1]}`);
    messages.push({ method, url: target, status, minorVersion, keepAlive, fields: pairs, body: '', isWhole: false });
    return 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer) => {
    const last = messages.at(-1);
    if (last !== undefined) last.body += chunk.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const last = messages.at(-1);
    if (last !== undefined) last.isWhole = true;
    early = [];
    earlyUrl = '';
  };
  const result = parser.execute(Buffer.from(bytes));
  parser.close();
  return typeof result === 'number' ? messages : undefined;
}

const numbers = new Map<string, number>();

/** How the parser numbers a method. */
export function methodNumber(method: string): number {
  let number = numbers.get(method);
  if (number === undefined) {
    const [message] = readWithNode('request', Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)) ?? [];
    number = message?.method ?? -1;
    numbers.set(method, number);
  }
  return number;
}
