import { RecordingHandler, RecordingSniffer, writeText } from '../recording.js';
import { cases, type IoHarness, type SuiteTest } from './harness.js';

/** Looking at the first bytes without taking them. */
export function sniffingCases(t: SuiteTest, harness: IoHarness): void {
  const when = cases(t, harness);

  when('sniffed bytes are told again to the handler, whole', async (t, scene) => {
    const server = new RecordingHandler();
    const sniffer = new RecordingSniffer((connection, seen) => {
      if (seen.length >= 16) {
        connection.startPlain(server);
        t.same(server.events, [], 'startPlain tells nothing before it returns');
      }
    });
    const { socket } = scene.listen((connection) => connection.sniff(sniffer));
    const client = new RecordingHandler();
    const near = scene.connect(socket.address, client);
    writeText(near, 'GET / HTTP/1.1\r\n');
    await scene.until('told', () => server.receivedBytes === 16);
    writeText(near, '\r\n');
    near.end();
    await scene.until('ended', () => server.ended);
    t.equal(server.text(), 'GET / HTTP/1.1\r\n\r\n');
    t.same(server.events, ['open', 'data', 'end']);
    t.equal(server.connection?.bytesRead, 18);
  });

  when('bytes that come one by one are shown from the start each time', async (t, scene) => {
    const server = new RecordingHandler();
    const sniffer = new RecordingSniffer((connection, seen) => {
      if (seen === 'SSH-2.0') connection.startPlain(server);
    });
    const { socket } = scene.listen((connection) => connection.sniff(sniffer));
    const client = new RecordingHandler();
    const near = scene.connect(socket.address, client);
    for (let i = 1; i <= 7; i++) {
      writeText(near, 'SSH-2.0'[i - 1]);
      await scene.until(`byte ${i} is seen`, () => sniffer.looks.at(-1)?.length === i);
    }
    t.same(
      sniffer.looks,
      ['S', 'SS', 'SSH', 'SSH-', 'SSH-2', 'SSH-2.', 'SSH-2.0'].map((_, i) => 'SSH-2.0'.slice(0, i + 1)),
    );
    await scene.until('told', () => server.receivedBytes === 7);
    t.equal(server.text(), 'SSH-2.0');
  });

  when('a decision made outside the look finds the bytes', async (t, scene) => {
    const server = new RecordingHandler();
    const sniffer = new RecordingSniffer(() => {});
    const { socket, acceptor } = scene.listen((connection) => connection.sniff(sniffer));
    writeText(scene.connect(socket.address, new RecordingHandler()), 'hi');
    await scene.until('seen', () => sniffer.looks.length > 0);
    await scene.settle();
    t.same(sniffer.looks, ['hi'], 'the same bytes are not shown twice');
    acceptor.accepted[0].startPlain(server);
    await scene.until('told', () => server.receivedBytes === 2);
    t.equal(server.text(), 'hi');
  });

  when('a connection may be started while a silent client is sniffed: the server speaks first', async (t, scene) => {
    const server = new RecordingHandler({ onOpen: (connection) => writeText(connection, '220 ready') });
    const sniffer = new RecordingSniffer(() => {});
    const { socket, acceptor } = scene.listen((connection) => connection.sniff(sniffer));
    const client = new RecordingHandler();
    scene.connect(socket.address, client);
    await scene.until('accepted', () => acceptor.accepted.length === 1);
    await scene.settle();
    acceptor.accepted[0].startPlain(server);
    await scene.until('the banner arrives', () => client.receivedBytes === 9);
    t.same(sniffer.looks, []);
  });

  for (const text of ['he', '']) {
    const what = text === '' ? 'nothing' : 'too little';
    when(
      `a client that ends having sent ${what} can be served: the sniffer hears of the end, once`,
      async (t, scene) => {
        const sniffer = new RecordingSniffer(() => {});
        const { socket, acceptor } = scene.listen((connection) => connection.sniff(sniffer));
        const client = new RecordingHandler();
        const near = scene.connect(socket.address, client);
        if (text !== '') writeText(near, text);
        near.end();
        await scene.until('told', () => sniffer.ends > 0);
        await scene.settle();
        t.equal(sniffer.ends, 1);
        t.equal(sniffer.closes, 0);
        t.equal(sniffer.looks.at(-1) ?? '', text, 'after all that came was shown');
        t.notOk(client.closed, 'the other direction is open');
        const server = new RecordingHandler({ onEnd: (connection) => writeText(connection, 'answer') });
        acceptor.accepted[0].startPlain(server);
        await scene.until('answered', () => client.receivedBytes === 6);
        t.same(server.events, text === '' ? ['open', 'end'] : ['open', 'data', 'end']);
        t.equal(server.text(), text);
        server.connection?.end();
        await scene.until('closed', () => client.closed && server.closed);
        t.equal(server.error, undefined);
      },
    );
  }

  when('a client that resets before the decision is told to the sniffer', async (t, scene) => {
    const sniffer = new RecordingSniffer(() => {});
    const { socket } = scene.listen((connection) => connection.sniff(sniffer));
    const near = scene.connect(socket.address, new RecordingHandler());
    writeText(near, 'he');
    await scene.until('seen', () => sniffer.looks.length > 0);
    near.destroy(true);
    await scene.until('told', () => sniffer.closes > 0);
    t.equal(sniffer.error?.code, 'reset');
  });

  when('a sniffer that destroys hears nothing more', async (t, scene) => {
    const sniffer = new RecordingSniffer((connection) => connection.destroy(true));
    const { socket } = scene.listen((connection) => connection.sniff(sniffer));
    const client = new RecordingHandler();
    writeText(scene.connect(socket.address, client), 'bad');
    await scene.until('the client notices', () => client.closed);
    t.equal(sniffer.closes, 0);
    t.equal(sniffer.looks.length, 1);
  });
}
