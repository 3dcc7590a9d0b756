/** Limits that the codec and stage detect keep: counted in bytes and fields. */
import { readClientHello } from '../../src/detect/client-hello.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { compileRegex } from '../../src/route/regex/regex.js';
import { bytesOf, ServerBench } from '../codec/server-bench.js';
import { transcribe } from '../codec/transcript.js';
import { helloMessage, inRecords } from '../detect/hello-bytes.js';
import type { Edge } from './edge.js';

/** The last word about a message: `end`, or why it is malformed. */
function lastWord(kind: 'request' | 'response', text: string, limits: Partial<Limits>): string {
  const events = transcribe({ kind, limits: { ...defaultLimits, ...limits } }, [bytesOf(text)]);
  const last = events.findLast((line) => line === 'end' || line.startsWith('malformed ')) ?? 'nothing';
  return last.replace(/^malformed (\S+): .*/, '$1');
}

/** The same text behind a request's start line and a response's. */
function bothWords(fields: string, limits: Partial<Limits>): string {
  const request = lastWord('request', `POST / HTTP/1.1\r\nHost: a\r\n${fields}`, limits);
  return `${request}, ${lastWord('response', `HTTP/1.1 200 OK\r\n${fields}`, limits)}`;
}

const chunked = 'Transfer-Encoding: chunked\r\n\r\n';
const tooLarge = 'request-head-too-large, upstream-bad-response';
const malformed = 'bad-request, upstream-bad-response';

export const codecEdges = {
  maxHeadBytes: {
    meet(limit, size) {
      const padded = (start: string): string => {
        const head = `${start}Content-Length: 0\r\nA: `;
        return `${head}${'b'.repeat(size - head.length - 4)}\r\n\r\n`;
      };
      const request = lastWord('request', padded('GET / HTTP/1.1\r\nHost: a\r\n'), { maxHeadBytes: limit });
      return `${request}, ${lastWord('response', padded('HTTP/1.1 200 OK\r\n'), { maxHeadBytes: limit })}`;
    },
    limit: 500,
    within: 'end, end',
    beyond: tooLarge,
  },
  maxHeaderFields: {
    meet(limit, count) {
      const fields = (more: number): string => `Content-Length: 0\r\n${'A: b\r\n'.repeat(count - more)}\r\n`;
      const request = lastWord('request', `GET / HTTP/1.1\r\nHost: a\r\n${fields(2)}`, { maxHeaderFields: limit });
      return `${request}, ${lastWord('response', `HTTP/1.1 200 OK\r\n${fields(1)}`, { maxHeaderFields: limit })}`;
    },
    limit: 12,
    within: 'end, end',
    beyond: tooLarge,
  },
  maxTargetBytes: {
    meet: (limit, size) =>
      lastWord('request', `GET /${'a'.repeat(size - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`, { maxTargetBytes: limit }),
    limit: 100,
    within: 'end',
    beyond: 'target-too-long',
  },
  maxMethodBytes: {
    meet: (limit, size) =>
      lastWord('request', `${'A'.repeat(size)} / HTTP/1.1\r\nHost: a\r\n\r\n`, { maxMethodBytes: limit }),
    limit: 20,
    within: 'end',
    beyond: 'bad-request',
  },
  maxInterimResponses: {
    meet: (limit, count) =>
      lastWord('response', `${'HTTP/1.1 103 \r\n\r\n'.repeat(count)}HTTP/1.1 204 \r\n\r\n`, {
        maxInterimResponses: limit,
      }),
    limit: 3,
    within: 'end',
    beyond: 'upstream-bad-response',
  },
  maxChunkExtensionBytes: {
    meet: (limit, size) =>
      bothWords(`${chunked}2;${'a'.repeat(size - 1)}\r\nok\r\n0\r\n\r\n`, { maxChunkExtensionBytes: limit }),
    limit: 40,
    within: 'end, end',
    beyond: malformed,
  },
  maxChunkOverheadBytes: {
    // A chunk of one byte and an extension of n: a line of n + 5, of which 16 and twice the byte are free.
    meet: (limit, size) =>
      bothWords(`${chunked}1;${'a'.repeat(size + 12)}\r\nx\r\n0\r\n\r\n`, { maxChunkOverheadBytes: limit }),
    limit: 100,
    within: 'end, end',
    beyond: malformed,
  },
  maxTrailerBytes: {
    meet: (limit, size) => bothWords(`${chunked}0\r\nA: ${'b'.repeat(size - 7)}\r\n\r\n`, { maxTrailerBytes: limit }),
    limit: 60,
    within: 'end, end',
    beyond: tooLarge,
  },
  maxClientHelloBytes: {
    meet(limit, size) {
      // The extension of padding (RFC 7685) makes it as long as it is asked to be.
      const records = (padding: number): Uint8Array =>
        inRecords(helloMessage({ extensions: [[21, new Uint8Array(padding)]] }));
      const bytes = records(size - records(0).length);
      const hello = readClientHello(bytes, 0, bytes.length, limit);
      return typeof hello === 'string' ? hello : 'read';
    },
    limit: 300,
    within: 'read',
    beyond: 'malformed',
  },
  maxRegexInstructions: {
    meet(limit, size) {
      try {
        // One for each letter, and one that says that it matches.
        compileRegex('a'.repeat(size - 1), { ...defaultLimits, maxRegexInstructions: limit });
        return 'compiled';
      } catch {
        return 'refused';
      }
    },
    limit: 50,
    within: 'compiled',
    beyond: 'refused',
  },
  maxDiscardBytes: {
    meet(limit, size) {
      const bench = new ServerBench({ maxDiscardBytes: limit });
      bench.onRequest = (downstream) => downstream.sendLocal(403, [], bytesOf('no'), false);
      bench.wire.receive('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      bench.wire.receive(`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`);
      return bench.wire.state;
    },
    limit: 100,
    within: 'open',
    beyond: 'ended',
  },
} satisfies Partial<Record<keyof Limits, Edge>>;
