/**
 * Every request of the case documents, sent through a proxy as `tulle proxy` runs it to servers that other people wrote, with a canary behind it and another one on a
 * connection of its own: the server reads what the log says, each request has one answer, and nobody gets an answer that is not theirs.
 */
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { createProxy, forward } from '@tulle/proxy-core';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { readCases } from '../codec/case-file.js';
import { fuzzMs, mutatedCases, takesItsTime } from '../codec/fuzz.js';
import { bytesOf, readAll } from '../codec/reading.js';
import { backEnds, type Seen } from './back-ends.js';
import { engines, type LogLine } from './fixture.js';

takesItsTime(t);

const folder = new URL('../codec/cases/', import.meta.url);
const documented: readonly Input[] = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) => readCases(new URL(name, folder)).map((one) => ({ ...one, title: `${name}: ${one.title}` })))
  .filter(({ kind }) => kind === 'request');

interface Input {
  readonly title: string;
  readonly bytes: Uint8Array;
}

/** Inputs made from the documents in a round. */
const madeInputs = 80;

/** The documents, and inputs made from them. */
function* inputs(): Generator<Input> {
  yield* documented;
  const until = Date.now() + fuzzMs;
  do for (const text of fc.sample(mutatedCases('request'), madeInputs)) yield { title: 'made', bytes: bytesOf(text) };
  while (Date.now() < until);
}

/** A tunnel has no canary behind it, since its bytes are the application's; and the answer to HEAD can not be told apart without knowing the request. */
function isComparable({ bytes }: Input): boolean {
  return !readAll('request', bytes).messages.some(({ upgrade, method }) => upgrade || method === 'HEAD');
}

interface Answer {
  readonly status: number;
  readonly seen: Seen | undefined;
}

/** The final answers in what a client received; throws where it is no sequence of whole answers with a length, which is all that these servers send. */
function answersIn(text: string): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at);
    const head = text.slice(at, end);
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1]);
    if (end < 0 || Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(text.slice(at))}`);
    at = end + 4;
    if (status < 200) continue;
    const { body, next } = bodyAt(text, at, head);
    at = next;
    answers.push({
      status,
      seen: /^x-echo: 1$/im.test(head) ? (JSON.parse(Buffer.from(body, 'latin1').toString()) as Seen) : undefined,
    });
  }
  return answers;
}

function bodyAt(text: string, start: number, head: string): { body: string; next: number } {
  const length = /^content-length: ([0-9]+)$/im.exec(head);
  if (length !== null) return { body: text.slice(start, start + Number(length[1])), next: start + Number(length[1]) };
  let body = '';
  let at = start;
  while (/^transfer-encoding: chunked$/im.test(head)) {
    const [line, digits] = /^([0-9a-f]+)\r\n/.exec(text.slice(at, at + 20)) ?? ['', ''];
    const size = Number.parseInt(digits, 16);
    if (line === '') throw new Error(`no chunk: ${JSON.stringify(text.slice(at))}`);
    body += text.slice(at + line.length, at + line.length + size);
    at += line.length + size + 2;
    if (size === 0) return { body, next: at };
  }
  return { body: text.slice(start), next: text.length };
}

/** All that comes back for those bytes when the client says no more behind them; a reset ends it too. */
function talk(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.end(bytes);
  });
}

for (const backEnd of backEnds) {
  for (const engine of engines) {
    void t.test(
      `${backEnd.name} reads what the proxy read [${engine}]`,
      { skip: backEnd.missing, timeout: 440_000 + 2 * fuzzMs },
      (t) => checkCases(t, engine, backEnd.start(t)),
    );
  }
}

/** One case, and what came of it at its own client and at the next one. */
interface Outcome {
  readonly title: string;
  readonly input: Buffer;
  readonly own: string;
  readonly second: string;
}

async function checkCases(t: Test, engine: (typeof engines)[number], started: Promise<number>): Promise<void> {
  const upstream = await started;
  const lines: LogLine[] = [];
  let last = '';
  let logged = (): void => {};
  const options = {
    listen: '127.0.0.1:0',
    to: [`127.0.0.1:${upstream}`],
    protocol: 'http',
    accessLog: 'callback',
  } as const;
  const proxy = await createProxy(forward(options), {
    engine,
    onAccessLog: (line) => {
      const fields = JSON.parse(line) as LogLine;
      lines.push(fields);
      if (fields.path === last) logged();
    },
  });
  t.teardown(() => proxy.close());
  const { port } = proxy.address('main');
  const outcomes: Outcome[] = [];
  for (const one of inputs()) {
    if (!isComparable(one)) continue;
    const i = outcomes.length;
    const input = Buffer.concat([one.bytes, Buffer.from(`GET /canary/${i} HTTP/1.1\r\nHost: canary\r\n\r\n`)]);
    const own = await talk(port, input);
    // On whatever connection the proxy keeps to the server: were bytes left on it, they would come before this one.
    const second = await talk(port, Buffer.from(`GET /second/${i} HTTP/1.1\r\nHost: second\r\n\r\n`));
    outcomes.push({ title: one.title, input, own, second });
  }
  const isLogged = new Promise<void>((resolve) => {
    logged = resolve;
  });
  last = `/second/${outcomes.length - 1}`;
  if (!lines.some(({ path }) => path === last)) await isLogged;
  let forwarded = 0;
  for (const [i, outcome] of outcomes.entries()) {
    // One after the other on one data thread: the log of a case ends with its second canary.
    const end = lines.findIndex(({ path }) => path === `/second/${i}`);
    const told = lines.splice(0, end + 1).slice(0, -1);
    const { problems, reached } = judge(
      outcome,
      told.filter(({ status }) => Number(status) > 0),
      `/second/${i}`,
    );
    forwarded += reached;
    if (problems.length > 0)
      t.fail(`${outcome.title}: ${problems.join('; ')}: ${JSON.stringify(outcome.input.toString('latin1'))}`);
  }
  t.ok(forwarded > outcomes.length / 4, `${outcomes.length} inputs, ${forwarded} requests reached the server`);
}

/** What is wrong with an outcome, beside the lines of the log that say that there was an answer; and how many of its requests the server read. */
function judge(
  outcome: Outcome,
  logged: readonly LogLine[],
  secondPath: string,
): { problems: string[]; reached: number } {
  const problems: string[] = [];
  const { messages } = readAll('request', outcome.input);
  const own = answersIn(outcome.own);
  const [second] = answersIn(outcome.second);
  if (JSON.stringify(second?.seen) !== JSON.stringify({ method: 'GET', url: secondPath, body: '' }))
    problems.push(`the next client got ${JSON.stringify(second)}`);
  if (own.length !== logged.length) problems.push(`${own.length} answers to ${logged.length} requests of the log`);
  own.forEach(({ status, seen }, i) => {
    const line = logged[i];
    const message = messages[i];
    if (line?.status !== status) problems.push(`answer ${i} is ${status}, the log says ${line?.status}`);
    if (seen === undefined) return;
    if (seen.method !== line?.method || seen.url !== line.path || seen.body.length !== line.bytes_received)
      problems.push(`the server read ${JSON.stringify(seen)}, the log says ${JSON.stringify(line)}`);
    if (seen.method !== message?.method || seen.url !== message.target || seen.body !== message.body)
      problems.push(`the server read ${JSON.stringify(seen)}, the codec ${JSON.stringify(message)}`);
  });
  return { problems, reached: own.filter(({ seen }) => seen !== undefined).length };
}
