import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CallbackSink, FileSink, type LogCalls, maxHeldLogBytes } from '../../src/observe/sinks.js';

/** A pipe with room for so many bytes. */
class Pipe implements LogCalls {
  room = 0;
  text = '';
  write(_fd: number, bytes: Uint8Array): number {
    if (this.room === 0) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
    const taken = Math.min(this.room, bytes.length);
    this.text += Buffer.from(bytes.subarray(0, taken)).toString();
    this.room -= taken;
    return taken;
  }
}

const silent = (message: string): never => {
  throw new Error(message);
};

void t.test('a pipe that is full or takes a part: no line is lost or cut, in order', async (t) => {
  const pipe = new Pipe();
  const sink = new FileSink('-', () => 0, silent, pipe);
  let wanted = '';
  let lost = 0;
  for (let i = 0; i < 50; i++) {
    pipe.room = i % 7;
    const line = `line ${i}\n`;
    wanted += line;
    lost += sink.write(Buffer.from(line));
  }
  t.ok(sink.isHolding);
  pipe.room = 1_000;
  lost += sink.retry();
  t.equal(pipe.text, wanted);
  t.same([lost, sink.isHolding], [0, false]);
});

void t.test('a reader that does not read costs whole lines, counted, once the bound is reached', async (t) => {
  const pipe = new Pipe();
  const sink = new FileSink('-', () => 0, silent, pipe);
  const line = `${'x'.repeat(999)}\n`;
  pipe.room = 10;
  let lost = 0;
  for (let i = 0; i < 2_000; i++) lost += sink.write(Buffer.from(line));
  pipe.room = Number.MAX_SAFE_INTEGER;
  lost += sink.retry();
  const lines = pipe.text.split('\n');
  t.equal(lines.pop(), '', 'the last line is whole');
  t.ok(lines.every((one) => one.length === 999));
  t.equal(lines.length + lost, 2_000);
  t.ok(pipe.text.length <= maxHeldLogBytes + line.length);
});

void t.test('a file that is renamed away is opened anew under its name, looked at once a second', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-sink-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'access.log');
  let nowMs = 0;
  const sink = new FileSink(path, () => nowMs, silent);
  sink.write(Buffer.from('one\n'));
  renameSync(path, `${path}.1`);
  nowMs = 500;
  sink.write(Buffer.from('two\n'));
  nowMs = 1_500;
  sink.write(Buffer.from('three\n'));
  sink.close();
  t.equal(readFileSync(`${path}.1`, 'utf8'), 'one\ntwo\n');
  t.equal(readFileSync(path, 'utf8'), 'three\n');
});

void t.test('where the folder is gone or is none any more, the old file goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-sink-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  let nowMs = 0;
  const sink = new FileSink(join(logs, 'access.log'), () => nowMs, silent);
  renameSync(logs, `${logs}.1`);
  nowMs = 1_500;
  t.equal(sink.write(Buffer.from('one\n')), 0);
  // stat says ENOTDIR now, which is more than that there is no such file.
  writeFileSync(logs, '');
  nowMs = 3_000;
  t.equal(sink.write(Buffer.from('two\n')), 0);
  sink.close();
  t.equal(readFileSync(join(`${logs}.1`, 'access.log'), 'utf8'), 'one\ntwo\n');
});

void t.test(
  'a program that does not take its lines costs whole batches, counted, once the bound is reached',
  async (t) => {
    const taken = new Int32Array(new SharedArrayBuffer(4));
    // Close to where the count begins anew.
    Atomics.store(taken, 0, 0x7fff_ff00);
    const batches: string[] = [];
    const sink = new CallbackSink(taken, (text) => batches.push(text));
    const lines = Buffer.from('a line\n'.repeat(10_000));
    let lost = 0;
    for (let i = 0; i < 100; i++) lost += sink.write(lines);
    t.ok(batches.length * lines.length <= maxHeldLogBytes);
    t.equal(lost, (100 - batches.length) * 10_000);
    for (const text of batches) Atomics.add(taken, 0, text.length);
    t.equal(sink.write(lines), 0, 'it has caught up');
    const huge = Buffer.alloc(2 * maxHeldLogBytes, 'x\n');
    Atomics.add(taken, 0, lines.length);
    t.equal(sink.write(huge), 0, 'with nothing on the way any batch goes');
  },
);
