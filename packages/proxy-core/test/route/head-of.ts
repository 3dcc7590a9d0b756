/** Request heads for tests, read by the codec as they would be on a connection. */
import { Http1Decoder } from '../../src/codec/http1/decoder.js';
import { defaultLimits } from '../../src/limits.js';
import { fromLatin1, Head } from '../../src/message/head.js';

/** `target` as on the wire; `fields` are lines without their end. A `host` field is added unless there is one. */
export function headOf(target: string, fields: readonly string[] = [], method = 'GET'): Head {
  const lines = fields.some((line) => /^host:/i.test(line)) ? fields : ['host: server.test', ...fields];
  const bytes = fromLatin1([`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  const head = new Head(defaultLimits.maxHeaderFields);
  let isRead = false;
  const decoder = new Http1Decoder(defaultLimits, {
    messageHead: () => {
      isRead = true;
    },
    messageBody: () => {},
    messageEnd: () => {},
    messageMalformed: (failed) => {
      throw new Error(`not a request: ${failed.detail}`);
    },
  });
  decoder.expectRequest(head);
  decoder.decode(bytes, 0, bytes.length);
  if (!isRead) throw new Error('not a whole request head');
  return head;
}
