/**
 * Nobody is given what belongs to somebody else: clients send requests in pieces and in a row, servers answer well, early, twice, badly or not at all, and each client gets
 * answers to its own requests in their order, while each server reads whole requests that a client sent.
 */
import fc from 'fast-check';
import t from 'tap';
import { budget, takesItsTime } from '../codec/fuzz.js';
import { bytesOf, readAll } from '../codec/reading.js';
import { cluster, config } from '../proxy/fixture.js';
import { type Peer, Stage } from './stage.js';

takesItsTime(t);

const behaviours = [
  'length',
  'chunked',
  'early',
  'interim',
  'close',
  'extra',
  'late',
  'bad',
  'cut',
  'reset',
  'none',
] as const;
type Behaviour = (typeof behaviours)[number];

const forms = ['get', 'length', 'chunked', 'expect', 'close'] as const;

interface Request {
  readonly form: (typeof forms)[number];
  readonly behaviour: Behaviour;
}

const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

/** The body of every message is its path, so that whose it is can be seen. */
function requestText(path: string, { form }: Request): string {
  const size = path.length.toString(16);
  switch (form) {
    case 'get':
      return `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
    case 'close':
      return `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    case 'length':
      return `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${path.length}\r\n\r\n${path}`;
    case 'expect':
      return `POST ${path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: ${path.length}\r\n\r\n${path}`;
    case 'chunked':
      return `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n${path}\r\n0\r\n\r\n`;
  }
}

/** A server that does with each request what its path says, once the head is there (`early`) or the body. */
function behave(peer: Peer, problems: string[], junk: (() => void)[]): void {
  let served = 0;
  peer.onText = (all) => {
    const { messages, refusal } = readAll('request', bytesOf(all));
    if (refusal !== '') problems.push(`a server was sent ${JSON.stringify(all)}: ${refusal}`);
    for (; served < messages.length && peer.ending === 'open'; served++) {
      const { target, body, isWhole } = messages[served];
      const behaviour = target.slice(target.lastIndexOf('/') + 1) as Behaviour;
      if (!isWhole && behaviour !== 'early') return;
      if (isWhole && body !== '' && body !== target) problems.push(`the body of ${target} is ${body}`);
      const [text, then] = answerOf(target, behaviour);
      if (text !== '') peer.send(text);
      if (then === 'ends') peer.connection.end();
      else if (then === 'breaks') peer.reset();
      const { length } = all;
      if (behaviour === 'late') junk.push(() => (peer.received.length === length ? peer.send(poison) : undefined));
    }
  };
}

/** What it sends, and whether it ends or breaks off its connection behind that. */
function answerOf(path: string, behaviour: Behaviour): readonly [text: string, then: 'stays' | 'ends' | 'breaks'] {
  const counted = `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
  const chunk = `${path.length.toString(16)}\r\n${path}\r\n0\r\nx: y\r\n\r\n`;
  switch (behaviour) {
    case 'length':
    case 'early':
    case 'late':
      return [counted, 'stays'];
    case 'chunked':
      return [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`, 'stays'];
    case 'interim':
      return [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${counted}`, 'stays'];
    case 'close':
      return [counted.replace('OK\r\n', 'OK\r\nConnection: close\r\n'), 'ends'];
    case 'extra':
      return [counted + poison, 'stays'];
    case 'bad':
      return [`HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n${poison}`, 'stays'];
    case 'cut':
      return [counted.slice(0, -1), 'ends'];
    case 'reset':
      return ['', 'breaks'];
    case 'none':
      return ['', 'stays'];
  }
}

const clients = fc.array(
  fc.tuple(
    fc.array(fc.record({ form: fc.constantFrom(...forms), behaviour: fc.constantFrom(...behaviours) }), {
      minLength: 1,
      maxLength: 5,
    }),
    fc.array(fc.nat(400), { maxLength: 4 }),
  ),
  { minLength: 1, maxLength: 4 },
);

t.test('invariant: an answer goes to the client that asked, in order, and a server reads what a client sent', (t) => {
  let answered = 0;
  fc.assert(
    fc.property(clients, (all) => {
      const stage = new Stage(
        config({ port: 80, clusters: [cluster('up', [8080])], limits: { streamIdleTimeoutMs: 5_000 } }),
      );
      const problems: string[] = [];
      const junk: (() => void)[] = [];
      stage.server(8080, (peer) => behave(peer, problems, junk));
      const sending = all.map(([requests, cuts], c) => {
        const paths = requests.map(({ behaviour }, i) => `/client${c}/request${i}/${behaviour}`);
        const text = paths.map((path, i) => requestText(path, requests[i])).join('');
        const at = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b);
        return { paths, peer: stage.client(), pieces: at.slice(1).map((end, i) => text.slice(at[i], end)) };
      });
      // Piece by piece, one client after the other, so that they meet on the server's connections.
      for (let round = 0; sending.some(({ pieces }) => round < pieces.length); round++) {
        for (const { peer, pieces } of sending)
          if (round < pieces.length && peer.ending === 'open') peer.send(pieces[round]);
        stage.settle();
        for (const send of junk.splice(0)) send();
        stage.settle();
      }
      stage.advance(40_000);
      for (const { paths, peer } of sending) {
        const answers = readAll('response', bytesOf(peer.received)).messages.filter(({ status }) => status >= 200);
        if (answers.length > paths.length) problems.push(`${answers.length} answers to ${paths.length} requests`);
        answers.forEach(({ status, body, isWhole }, i) => {
          answered++;
          if (status === 200 && !(isWhole ? body === paths[i] : paths[i].startsWith(body)))
            problems.push(`${paths[i]} was answered ${JSON.stringify(body)}`);
        });
      }
      if (problems.length > 0) throw new Error(problems.join('\n'));
      stage.plane.close();
    }),
    budget(600),
  );
  t.ok(answered > 500, `${answered} answers`);
  t.end();
});
