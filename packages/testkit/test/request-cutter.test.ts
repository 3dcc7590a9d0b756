import t from 'tap';
import { RequestCutter, type SeenRequest } from '../src/request-cutter.js';

const stream = [
  'GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a;ext=1\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n',
  'GET /last HTTP/1.1\r\nHost: y\r\n\r\n',
].join('');

const wanted = [
  ['GET', '/a?b', 'x', ''],
  ['POST', '/l', 'x', 'hello'],
  ['POST', '/c', 'x', 'abc0123456789'],
  ['GET', '/last', 'y', ''],
];

function cut(pieces: readonly string[]): { heads: SeenRequest[]; whole: number } {
  const heads: SeenRequest[] = [];
  let whole = 0;
  const cutter = new RequestCutter({
    onHead: (request) => heads.push(request),
    onWhole: () => {
      whole++;
    },
  });
  for (const piece of pieces) cutter.push(piece);
  return { heads, whole };
}

t.test('requests are cut the same, whole and split at every byte', async (t) => {
  const splits = [[stream], [...stream]];
  for (let i = 1; i < stream.length; i++) splits.push([stream.slice(0, i), stream.slice(i)]);
  const results = splits.map(cut);
  for (const { heads, whole } of results) {
    if (whole !== 4) t.equal(whole, 4);
    const found = heads.map((head) => [head.method, head.target, RequestCutter.field(head, 'host'), head.body]);
    if (JSON.stringify(found) !== JSON.stringify(wanted)) t.same(found, wanted);
  }
  t.equal(results.length, stream.length + 1);
});
