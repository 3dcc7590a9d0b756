/** Plays docs/errno.md: every errno of every row, against what the row says. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { createAuthority, type Pair, RecordingHandler, Scene, writeText } from '@tulle/testkit';
import t, { type Test } from 'tap';
import { type Connection, IoFailure, type TlsContext } from '../../../src/io/io.js';
import type { LinuxIo } from '../../../src/io/linux/linux-io.js';
import { errno } from '../../../src/io/linux/sys/errno.js';
import { type Faults, type FaultyEngine, faultyEngine } from './faults.js';

interface Row {
  readonly section: string;
  readonly call: string;
  readonly names: readonly string[];
  readonly outcome: string;
}

function table(): Row[] {
  const text = readFileSync(new URL('../../../../../docs/errno.md', import.meta.url), 'utf8');
  const rows: Row[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3);
    const [, call, names, outcome] = /^\| (\w+) \| ([A-Z ]+) \| ([a-z ]+) \|$/.exec(line) ?? [];
    if (call !== undefined) rows.push({ section, call, names: names.split(' '), outcome });
  }
  return rows;
}

/** One case: what the engine is in, and what to do with it. */
interface Play {
  readonly t: Test;
  readonly engine: FaultyEngine;
  readonly faults: Faults;
  readonly io: LinuxIo;
  readonly scene: Scene;
  readonly call: string;
  readonly number: number;
}

type Driver = (play: Play) => Promise<string>;

const follow = { onEnd: (connection: Connection) => connection.end() };

const listenOptions = { address: { host: '127.0.0.1', port: 0 }, original: true, backlog: 16, reusePort: false };
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;

const connecting: Driver = async ({ faults, io, scene, call, number }) => {
  const { socket } = scene.listen((connection) => connection.startPlain(new RecordingHandler(follow)));
  const client = new RecordingHandler();
  if (call === 'SO_ERROR') {
    socket.close();
    faults.tellSocketError(number);
  } else {
    const inTheWay = number === errno.EINPROGRESS || number === errno.EINTR;
    faults.fail(call, number, {
      done: inTheWay,
      only: call === 'epoll_ctl' ? (_fd, op) => op === EPOLL_CTL_ADD : undefined,
    });
  }
  const near = scene.connect(socket.address, client);
  await scene.until('an answer', () => client.opened || client.closed);
  near.destroy(false);
  socket.close();
  await scene.until('all is over', () => io.connectionCount === 0);
  return client.opened ? 'goes on' : String(client.error?.code);
};

const listening: Driver = async ({ faults, io, call, number }) => {
  faults.fail(call, number);
  return thrown(() => io.listen(listenOptions, { onAccept() {}, onAcceptError() {} }).close());
};

const accepting: Driver = async ({ faults, io, scene, call, number }) => {
  const accepted: Connection[] = [];
  const errors: string[] = [];
  const socket = io.listen(listenOptions, {
    onAccept(connection) {
      accepted.push(connection);
      connection.startPlain(new RecordingHandler(follow));
    },
    onAcceptError: ({ code, message }) => errors.push(`${code} ${message}`),
  });
  const clients = [0, 1].map(() => net.connect(socket.address));
  for (const client of clients) client.on('error', () => {});
  await Promise.all(clients.map((client) => once(client, 'connect')));
  faults.fail(call, number);
  io.turn(0);
  const atOnce = accepted.length;
  const told = errors.length;
  // The one that epoll has no room for is lost.
  const all = call === 'epoll_ctl' ? 1 : 2;
  await scene.until('the others are accepted', () => accepted.length === all);
  for (const client of clients) client.destroy();
  socket.close();
  await scene.until('all is over', () => io.connectionCount === 0);
  if (told > 0) return atOnce === 0 && new RegExp(`^exhausted ${call} E`).test(errors[0]) ? 'rests' : errors[0];
  if (call !== 'accept4') return atOnce === 2 ? 'goes on' : `${atOnce} accepted`;
  return atOnce === 2 ? 'next' : 'waits';
};

const reading: Driver = async ({ t, faults, io, scene, call, number }) => {
  const { near, far, server, close } = await openPair(t, scene, io, call);
  near.pause();
  faults.clear();
  faults.fail(call, number);
  writeText(near, 'x');
  await scene.until('it was read', () => faults.calls(call) > 0);
  const atOnce = server.receivedBytes;
  if (!server.closed && atOnce === 0) writeText(near, 'y');
  await scene.until('it is known', () => server.closed || server.receivedBytes === (atOnce === 1 ? 1 : 2));
  const outcome = server.closed ? String(server.error?.code) : atOnce === 1 ? 'again' : 'waits';
  far.destroy(false);
  await close();
  return outcome;
};

const writing: Driver = async ({ t, faults, io, scene, call, number }) => {
  const { near, client, server, close } = await openPair(t, scene, io, call);
  faults.clear();
  faults.fail(call, number);
  // Two pieces that no slab has room for together.
  if (call === 'sendmsg') writeText(near, 'x'.repeat(10_000), true);
  const size = call === 'sendmsg' ? 12_000 : 1;
  writeText(near, 'y'.repeat(size));
  const total = call === 'sendmsg' ? size + 10_000 : size;
  t.ok(faults.calls(call) > 0, `${call} was called`);
  const held = near.bytesHeld;
  if (held === 0) await scene.until('it is known', () => client.closed || server.receivedBytes === total);
  const outcome = client.closed ? String(client.error?.code) : held === total ? 'waits' : 'again';
  await close();
  return outcome;
};

const ending: Driver = async ({ t, faults, io, scene, call, number }) => {
  const { near, client, server, close } = await openPair(t, scene, io, call);
  faults.clear();
  faults.fail(call, number, { done: call === 'close' || call === 'shutdown' });
  let outcome = 'goes on';
  if (call === 'close' || call === 'setsockopt') {
    outcome = thrown(() => near.destroy(call === 'setsockopt'), 'goes on');
    await scene.until('the other side knows', () => server.ended || server.closed);
  } else {
    near.end();
    await scene.until('it is known', () => server.ended || client.closed);
    if (client.error !== undefined) outcome = client.error.code;
  }
  t.ok(faults.calls(call) > 0, `${call} was called`);
  await close();
  return outcome;
};

const loop: Driver = async ({ engine, faults, io, scene, call, number }) => {
  if (call === 'epoll_create1' || call === 'eventfd') {
    faults.fail(call, number);
    return thrown(() => (call === 'eventfd' ? engine.createWakeFd() : engine.createIo().close()));
  }
  if (call === 'epoll_wait') {
    faults.fail(call, number);
    return thrown(() => io.turn(0), 'goes on');
  }
  const errors: string[] = [];
  let accepted = 0;
  const socket = io.listen(listenOptions, {
    onAccept(connection) {
      accepted++;
      connection.destroy(false);
    },
    onAcceptError: ({ message }) => errors.push(message),
  });
  faults.fail('accept4', errno.EMFILE);
  const client = net.connect(socket.address).on('error', () => {});
  await scene.until('the listener rests', () => errors.length === 1);
  faults.fail('epoll_ctl', number, { only: (_fd, op) => op === EPOLL_CTL_MOD });
  await scene.until('accepted in the end', () => accepted === 1);
  client.destroy();
  socket.close();
  return errors.length === 2 && errors[1].startsWith('epoll_ctl') ? 'tries again' : errors.join();
};

const drivers: Record<string, Driver> = {
  Connecting: connecting,
  Listening: listening,
  Accepting: accepting,
  Reading: reading,
  Writing: writing,
  Ending: ending,
  'The loop': loop,
};

function thrown(run: () => void, otherwise = 'nothing was thrown'): string {
  try {
    run();
    return otherwise;
  } catch (error) {
    return error instanceof Error && error.name === IoFailure.name ? `throws ${(error as IoFailure).code}` : 'throws';
  }
}

let contexts: { clientTls: TlsContext; serverTls: TlsContext } | undefined;

/** Plain, or over TLS where the call is one of OpenSSL's. */
async function openPair(t: Test, scene: Scene, io: LinuxIo, call: string): Promise<Pair & { close(): Promise<void> }> {
  if (call.startsWith('SSL_') && contexts === undefined) {
    const authority = await createAuthority();
    const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
    const options = { ...identity, trustPem: authority.rootPem, requirePeerCertificate: true, alpn: [] };
    const clientTls = io.tlsContext({ ...options, side: 'client' });
    const serverTls = io.tlsContext({ ...options, side: 'server' });
    contexts = { clientTls, serverTls };
    t.teardown(() => {
      clientTls.release();
      serverTls.release();
      contexts = undefined;
    });
  }
  const pair = await scene.pair(call.startsWith('SSL_') ? contexts : {});
  await scene.settle(3);
  const close = async (): Promise<void> => {
    pair.near.destroy(false);
    pair.far.destroy(false);
    await scene.until('all is over', () => io.connectionCount === 0);
  };
  return { ...pair, close };
}

void t.test('every row of docs/errno.md is what the engine does', async (t) => {
  const engine = await faultyEngine(t);
  const { faults } = engine;
  const rows = table();
  t.ok(rows.length >= 50, `${rows.length} rows`);
  t.same(new Set(rows.map(({ section }) => section)), new Set(Object.keys(drivers)));
  for (const { section, call, names, outcome } of rows) {
    await t.test(`${section}: ${call} ${names.join(' ')}: ${outcome}`, async (t) => {
      const io = engine.createIo();
      t.teardown(() => io.close());
      const scene = new Scene({ io, step: async () => io.turn(1), close: () => io.close() });
      // Contexts stay for the whole row.
      const held = () => ({ fds: io.counts().fds, sessions: io.counts().sessions });
      const before = held();
      for (const name of names) {
        const number = (errno as Record<string, number>)[name];
        t.equal(typeof number, 'number', `${name} has a number`);
        faults.clear();
        t.equal(await drivers[section]({ t, engine, faults, io, scene, call, number }), outcome, name);
        faults.clear();
        t.same(held(), before, `${name}: nothing is left`);
      }
    });
  }
});
