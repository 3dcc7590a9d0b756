/**
 * A reader of whole inputs that follows the ABNF of RFC 9112 and RFC 9110 to the letter, with regular expressions and nothing of the decoder: slow, unable to resume, and
 * independent. It knows the rules that the RFCs set, not those that this proxy adds.
 */
import type { Message } from './reading.js';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const visible = '[\\x21-\\x7e\\x80-\\xff]';
const text = '[\\t \\x21-\\x7e\\x80-\\xff]';
const requestLine = new RegExp(`(${token}) ([\\x21-\\x7e]+) HTTP/1\\.([01])\\r\\n`, 'y');
const statusLine = new RegExp(`HTTP/1\\.([01]) ([0-9]{3})(?: (${text}*))?\\r\\n`, 'y');
const fieldLine = new RegExp(`(${token}):[ \\t]*((?:${visible}(?:${text}*${visible})?)?)[ \\t]*\\r\\n`, 'y');
const quoted = `"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\${text})*"`;
const chunkLine = new RegExp(`([0-9A-Fa-f]+)(?:;${token}(?:=(?:${token}|${quoted}))?)*\\r\\n`, 'y');
const lengths = /^[0-9]+(?:[ \t]*,[ \t]*[0-9]+)*$/;

export interface GrammarReading {
  readonly messages: Message[];
  /** `invalid`: the grammar does not allow it. `more`: it ends within a message. */
  readonly end: 'whole' | 'more' | 'invalid';
}

class Scanner {
  readonly input: string;
  at = 0;

  constructor(input: string) {
    this.input = input;
  }

  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.input);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found;
  }

  literal(wanted: string): boolean {
    if (!this.input.startsWith(wanted, this.at)) return false;
    this.at += wanted.length;
    return true;
  }

  /** Why nothing matches: the line is not there yet, or is wrong. */
  get failure(): 'more' | 'invalid' {
    return this.input.includes('\r\n', this.at) ? 'invalid' : 'more';
  }
}

/** Reads messages until the input ends. Responses are taken as answers to GET. */
export function readByGrammar(kind: 'request' | 'response', input: string): GrammarReading {
  const scanner = new Scanner(input);
  const messages: Message[] = [];
  while (scanner.at < input.length) {
    const end = readMessage(kind, scanner, messages);
    if (end !== 'whole') return { messages, end };
  }
  return { messages, end: 'whole' };
}

type End = GrammarReading['end'];

function readMessage(kind: 'request' | 'response', scanner: Scanner, messages: Message[]): End {
  // Section 2.2: at least one empty line should be ignored before a request; this reader takes one.
  if (kind === 'request') scanner.literal('\r\n');
  if (scanner.at === scanner.input.length) return 'more';
  const line = scanner.match(kind === 'request' ? requestLine : statusLine);
  if (line === undefined) return scanner.failure;
  const fields: string[] = [];
  const end = readFields(scanner, fields);
  if (end !== 'whole') return end;
  const [, first, second, third] = line;
  const message: Message = {
    method: kind === 'request' ? first : '',
    target: '',
    rawTarget: kind === 'request' ? second : '',
    authority: '',
    status: kind === 'response' ? Number(second) : 0,
    minorVersion: Number(kind === 'request' ? third : first),
    upgrade: false,
    fields,
    trailers: [],
    body: '',
    isWhole: false,
  };
  return readBody(kind, message, scanner, messages);
}

function readFields(scanner: Scanner, fields: string[]): End {
  while (!scanner.literal('\r\n')) {
    const line = scanner.match(fieldLine);
    if (line === undefined) return scanner.failure;
    fields.push(`${line[1]}: ${line[2]}`);
  }
  return 'whole';
}

function valuesOf({ fields }: Message, name: string): string[] {
  return fields
    .filter((field) => field.toLowerCase().startsWith(`${name}: `))
    .map((field) => field.slice(name.length + 2));
}

/** RFC 9112 section 6.3. */
function readBody(kind: 'request' | 'response', message: Message, scanner: Scanner, messages: Message[]): End {
  const codings = valuesOf(message, 'transfer-encoding');
  const announced = valuesOf(message, 'content-length');
  const hasNone = message.status === 204 || message.status === 304 || (kind === 'response' && message.status < 200);
  if (codings.length > 0 && (announced.length > 0 || codings.length > 1 || codings[0].toLowerCase() !== 'chunked'))
    return 'invalid';
  if (announced.some((value) => !lengths.test(value))) return 'invalid';
  const values = new Set(announced.flatMap((value) => value.split(',').map((each) => BigInt(each.trim()))));
  if (values.size > 1) return 'invalid';
  messages.push(message);
  if (hasNone) return whole(message);
  if (codings.length > 0) return readChunks(message, scanner);
  const [length] = values;
  if (length === undefined && kind === 'request') return whole(message);
  const left = scanner.input.length - scanner.at;
  const taken = length === undefined || length > BigInt(left) ? left : Number(length);
  message.body = scanner.input.slice(scanner.at, scanner.at + taken);
  scanner.at += taken;
  if (length === undefined || BigInt(taken) < length) return 'more';
  return whole(message);
}

function readChunks(message: Message, scanner: Scanner): End {
  for (;;) {
    const line = scanner.match(chunkLine);
    if (line === undefined) return scanner.failure;
    const size = BigInt(`0x${line[1]}`);
    if (size === 0n) break;
    const left = scanner.input.length - scanner.at;
    const taken = size > BigInt(left) ? left : Number(size);
    message.body += scanner.input.slice(scanner.at, scanner.at + taken);
    scanner.at += taken;
    if (size > BigInt(taken) || left - taken < 2) return 'more';
    if (!scanner.literal('\r\n')) return 'invalid';
  }
  const trailers: string[] = [];
  const end = readFields(scanner, trailers);
  if (end !== 'whole') return end;
  message.trailers.push(...trailers);
  return whole(message);
}

function whole(message: Message): 'whole' {
  message.isWhole = true;
  return 'whole';
}
