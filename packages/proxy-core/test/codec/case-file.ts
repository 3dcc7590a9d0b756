/**
 * Reads the case documents: under a heading, a fence with the bytes and a fence with the events. The first fence is a `request`, a `response METHOD [upgrade]` to such
 * a request, or a `message`: what follows the start line, read on both sides. Its events leave out what differs, `head FACTS` and `malformed: detail`.
 * In the bytes a line break of the document counts for nothing; `\r`, `\n`, `\t`, `\\` and `\xNN` stand for bytes, `\*N{...}` for a repetition. `<end>` as the last line: the peer ends there.
 */
import { readFileSync } from 'node:fs';

export interface Case {
  readonly title: string;
  readonly kind: 'request' | 'response';
  /** Responses: method of the request, and whether it asked for an upgrade. */
  readonly method: string;
  readonly upgradeAsked: boolean;
  readonly bytes: Uint8Array;
  readonly peerEnds: boolean;
  readonly events: readonly string[];
}

type Pending = Omit<Case, 'events' | 'kind'> & { readonly kind: Case['kind'] | 'message' };

/** What a `message` is a part of. */
const sides = [
  {
    kind: 'request',
    start: 'POST / HTTP/1.1\r\nHost: a\r\n',
    head: ['POST, /, for a', '  Host: a'],
    reason: 'bad-request',
  },
  { kind: 'response', start: 'HTTP/1.1 200 OK\r\n', head: ['200, OK'], reason: 'upstream-bad-response' },
] as const;

function onSide(
  { kind, start, head, reason }: (typeof sides)[number],
  message: Pending,
  events: readonly string[],
): Case {
  const [facts, ...fields] = head;
  return {
    ...message,
    kind,
    title: `${message.title}, in a ${kind}`,
    bytes: Uint8Array.of(...wireBytes(start), ...message.bytes),
    events: events.flatMap((line) => {
      if (line.startsWith('head ')) return [line.replace('head ', `head ${facts}, `), ...fields];
      // A limit has a reason of its own towards a client.
      return [line.replace(kind === 'request' ? /^malformed:/ : /^malformed(?: \S+)?:/, `malformed ${reason}:`)];
    }),
  };
}

export function readCases(file: URL): Case[] {
  const text = readFileSync(file, 'utf8');
  const cases: Case[] = [];
  let title = '';
  let pending: Pending | undefined;
  for (const [, heading, info, content] of text.matchAll(/^##? (.+)$|^```(.*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) {
      title = heading;
    } else if (info === 'events') {
      if (pending === undefined) throw new Error(`${file}: events without bytes under "${title}"`);
      const events = content.split('\n').filter((line) => line !== '');
      if (pending.kind === 'message') {
        for (const side of sides) cases.push(onSide(side, pending, events));
      } else {
        cases.push({ ...pending, kind: pending.kind, events });
      }
      pending = undefined;
    } else {
      const [kind, method = 'GET', option] = info.split(' ');
      if (kind !== 'request' && kind !== 'response' && kind !== 'message')
        throw new Error(`${file}: unknown fence "${info}" under "${title}"`);
      const peerEnds = content.endsWith('<end>\n');
      const bytes = wireBytes(content.replace(/<end>\n$/, '').replaceAll('\n', ''));
      pending = { title, kind, method, upgradeAsked: option === 'upgrade' || method === 'CONNECT', bytes, peerEnds };
    }
  }
  if (pending !== undefined) throw new Error(`${file}: bytes without events under "${title}"`);
  return cases;
}

function wireBytes(text: string): Uint8Array {
  return Uint8Array.from(expand(text), (character) => character.charCodeAt(0));
}

function expand(text: string): string {
  return text.replace(/\\(r|n|t|\\|x[0-9a-f]{2}|\*\d+\{([^}]*)\})/g, (_match, code: string, repeated: string) => {
    if (code === 'r') return '\r';
    if (code === 'n') return '\n';
    if (code === 't') return '\t';
    if (code === '\\') return '\\';
    if (code.startsWith('*')) return expand(repeated).repeat(Number.parseInt(code.slice(1), 10));
    return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  });
}
