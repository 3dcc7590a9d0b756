import t from 'tap';
import { jsonPage, listenAdmin, textPage } from '../../src/admin/http.js';

const server = await listenAdmin('127.0.0.1', 0, {
  '/ready': () => textPage(503, 'not ready\n'),
  '/debug': async () => jsonPage({ a: 1 }),
  '/broken': () => {
    throw new Error('secret detail');
  },
});
t.teardown(() => server.close());

async function ask(path: string, method = 'GET'): Promise<[status: number, body: string]> {
  const response = await fetch(`http://${server.address}${path}`, { method });
  return [response.status, await response.text()];
}

t.test('pages are found by their path, whatever the query', async (t) => {
  t.same(await ask('/ready?x=/debug'), [503, 'not ready\n']);
  t.same(await ask('/debug'), [200, '{\n  "a": 1\n}\n']);
  t.same(await ask('/ready', 'HEAD'), [503, '']);
});

t.test('other paths say which pages there are, other methods are refused', async (t) => {
  t.same(await ask('/'), [404, 'no such page; there are: /ready /debug /broken\n']);
  t.same(await ask('/__proto__'), [404, 'no such page; there are: /ready /debug /broken\n']);
  t.same(await ask('/ready', 'POST'), [405, 'only GET and HEAD\n']);
});

t.test('a page that fails is no fault of the others, and tells nothing', async (t) => {
  t.same(await ask('/broken'), [500, 'this page failed\n']);
  t.same((await ask('/ready'))[0], 503);
});

t.test('an address that is taken is named, with a way on', async (t) => {
  const port = Number(server.address.split(':')[1]);
  await t.rejects(listenAdmin('127.0.0.1', port, {}), {
    name: 'ListenError',
    message: `cannot listen on 127.0.0.1:${port}: another program listens there: stop it, or give --admin another ADDRESS:PORT`,
  });
});
