import { type Connection, Timer } from '@tulle/proxy-core/internal';
import { RecordingHandler, writeText } from '../recording.js';
import { cases, type IoHarness, type SuiteTest } from './harness.js';

/** The loop: when callbacks come, timers, randomness, and many connections at once. */
export function turningCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  when('no method of a connection calls a handler before it returns', async (t, scene) => {
    let inside = '';
    const wrong: string[] = [];
    const note = (event: string) => () => {
      if (inside !== '') wrong.push(`${event} inside ${inside}`);
    };
    const watch = () =>
      new RecordingHandler({
        onOpen: note('onOpen'),
        onData: note('onData'),
        onEnd: note('onEnd'),
        onDrain: note('onDrain'),
        onClose: note('onClose'),
      });
    const call = (name: string, method: () => void): void => {
      const outer = inside;
      inside = name;
      method();
      inside = outer;
    };
    const client = watch();
    const server = watch();
    const bytes = Buffer.alloc(300_000, 1);
    const { socket } = scene.listen((connection) => call('startPlain', () => connection.startPlain(server)));
    let near: Connection | undefined;
    call('connect', () => {
      near = scene.connect(socket.address, client);
    });
    await scene.until('open', () => client.opened && server.opened);
    const exercise = (connection: Connection): void => {
      call('write', () => connection.write(bytes, 0, bytes.length, false));
      call('pause', () => connection.pause());
      call('resume', () => connection.resume());
      call('mark', () => connection.mark());
      call('undelivered', () => connection.undelivered());
    };
    exercise(near!);
    server.reaction = {
      ...server.reaction,
      onData: (connection) => {
        note('onData')();
        if (server.receivedBytes < 2 * bytes.length) return;
        server.reaction = { onEnd: note('onEnd'), onDrain: note('onDrain'), onClose: note('onClose') };
        exercise(connection);
        call('end', () => connection.end());
      },
    };
    exercise(near!);
    await scene.until('the server ended', () => client.ended);
    call('end', () => near!.end());
    await scene.until('closed', () => client.closed && server.closed);
    call('destroy', () => near!.destroy(true));
    t.same(wrong, []);
    t.equal(client.receivedBytes, bytes.length);
  });

  when('a failure to connect is not told inside connect', async (t, scene) => {
    const { socket } = scene.listen(() => {});
    const { address } = socket;
    socket.close();
    await scene.settle();
    const order: string[] = [];
    const client = new RecordingHandler({ onClose: () => order.push('told') });
    scene.connect(address, client);
    order.push('returned');
    await scene.until('told', () => client.closed);
    t.same(order, ['returned', 'told']);
  });

  when('a callback at the end of the turn comes once, after the events of the turn', async (t, scene) => {
    const order: string[] = [];
    const { server, near } = await scene.pair({
      server: {
        onData: () => {
          order.push('data');
          scene.io.atTurnEnd(() => order.push('turn ended'));
          order.push('asked');
        },
      },
    });
    writeText(near, 'x');
    await scene.until('both came', () => order.includes('turn ended'));
    await scene.settle();
    t.same(order, ['data', 'asked', 'turn ended']);
    t.equal(server.receivedBytes, 1);
  });

  when('a callback at the end of the turn may ask for the end of the next', async (t, scene) => {
    let calls = 0;
    const again = (): void => {
      calls++;
      if (calls < 3) scene.io.atTurnEnd(again);
    };
    scene.io.atTurnEnd(again);
    t.equal(calls, 0);
    await scene.until('three came', () => calls === 3);
    await scene.settle();
    t.equal(calls, 3);
  });

  when('timers fire in order, not early, and not after disarming', async (t, scene) => {
    const { clock, timers } = scene.io;
    const fired: { kind: string; lateMs: number }[] = [];
    const startMs = clock.nowMs();
    const owner = {
      onTimer(timer: Timer): void {
        fired.push({ kind: timer.kind, lateMs: clock.nowMs() - startMs - Number(timer.kind) });
      },
    };
    const cancelled = new Timer(owner, '30');
    for (const delayMs of [60, 20, 100]) timers.arm(new Timer(owner, String(delayMs)), delayMs);
    timers.arm(cancelled, 30);
    timers.disarm(cancelled);
    await scene.until('all fired', () => fired.length === 3);
    t.same(
      fired.map(({ kind }) => kind),
      ['20', '60', '100'],
    );
    for (const { kind, lateMs } of fired) t.ok(lateMs > -1, `${kind} fired ${lateMs} ms late`);
  });

  when('a timer wakes an engine that has nothing else to do', async (t, scene) => {
    let fired = 0;
    scene.io.timers.arm(new Timer({ onTimer: () => fired++ }, 'alone'), 15);
    await scene.until('fired', () => fired === 1);
    t.equal(fired, 1);
  });

  when('the clock is monotonic with a fraction, the wall clock is the time', async (t, scene) => {
    const { clock } = scene.io;
    const readings = Array.from({ length: 100 }, () => clock.nowMs());
    t.ok(readings.every((reading, i) => i === 0 || reading >= readings[i - 1]));
    if (harness.sockets) t.ok(Math.abs(clock.wallMs(clock.nowMs()) - Date.now()) < 1000);
  });

  when('random numbers are spread over [0, 1)', async (t, scene) => {
    const numbers = Array.from({ length: 1000 }, () => scene.io.random());
    t.ok(numbers.every((number) => number >= 0 && number < 1));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    t.ok(mean > 0.4 && mean < 0.6, `mean ${mean}`);
    t.ok(new Set(numbers).size > 990);
  });

  when('a thousand connections at once keep apart', async (t, scene) => {
    const count = 1000;
    const { socket, acceptor } = scene.listen((connection) => {
      // Each server end answers what it got.
      connection.startPlain(
        new RecordingHandler({
          onData: (connection, bytes, start, end) => connection.write(bytes, start, end, false),
          onEnd: (connection) => connection.end(),
        }),
      );
    });
    const clients = Array.from({ length: count }, () => new RecordingHandler());
    // In groups, so that no listen queue overflows.
    for (let first = 0; first < count; first += 100) {
      for (let i = first; i < first + 100; i++) {
        writeText(scene.connect(socket.address, clients[i]), `client ${i}`);
      }
      await scene.until('the group is answered', () => {
        return clients
          .slice(first, first + 100)
          .every((client, k) => client.receivedBytes === `client ${first + k}`.length);
      });
    }
    for (const client of clients) client.connection?.end();
    await scene.until('all closed', () => clients.every((client) => client.closed));
    t.equal(acceptor.accepted.length, count);
    t.equal(new Set(acceptor.accepted.map((connection) => connection.id)).size, count);
    t.ok(clients.every((client, i) => client.text() === `client ${i}` && client.error === undefined));
  });

  when('undelivered never claims too much', async (t, scene) => {
    const { server, near } = await scene.pair();
    near.mark();
    writeText(near, 'delivered');
    await scene.until('arrived', () => server.receivedBytes === 9);
    await scene.settle();
    t.equal(near.undelivered(), false);
  });
}
