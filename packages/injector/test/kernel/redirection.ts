import t from 'tap';
import { obstacle, Pod, type Way } from './pod.js';

const exclude = {
  inboundPorts: [9090],
  outboundPorts: [5432],
  outboundCidrs: ['10.78.0.0/16', 'fd78::/16'],
  uids: [101],
};

/** What the rules do to real connections, in a namespace made this way. Skips, and says why, where it cannot be made. */
export function testRedirection(way: Way): void {
  const reason = obstacle(way);
  t.test(`interception ${way.name}`, { skip: reason ?? false }, async (t) => {
    const pod = await Pod.start(way);
    t.teardown(() => pod.stop());
    await pod.connectToNetwork();
    for (const port of [15001, 15006, 8080, 9090, 15021]) await pod.ask('listen', '::', port);
    await pod.ask('listen', '127.0.0.1', 15000);
    for (const port of [80, 5432]) await pod.beyond('listen', '::', port);
    await pod.beyond('echoUdp', '10.77.0.1', 53);
    const proxy = way.users ? { uid: 1337 } : { mark: 1337 };

    await t.test('without rules nothing is redirected', async (t) => {
      t.match(await pod.dial('10.77.0.1', 80), /^80 /);
      t.match(await pod.dialFromNetwork('10.77.0.2', 8080), /^8080 /);
    });

    await pod.ask('apply', { proxy, exclude });

    await t.test('what the application opens reaches the outbound port, which learns where it was going', async (t) => {
      t.equal(await pod.dial('10.77.0.1', 80), '15001 10.77.0.1:80');
      t.equal(await pod.dial('10.96.0.5', 80), '15001 10.96.0.5:80');
      t.equal(await pod.dial('10.96.0.5', 4), '15001 10.96.0.5:4', 'nobody need listen there');
      t.equal(await pod.dial('fd77::1', 80), '15001 fd770000000000000000000000000001:80');
    });

    await t.test('what reaches the pod reaches the inbound port, which learns where it was going', async (t) => {
      t.equal(await pod.dialFromNetwork('10.77.0.2', 8080), '15006 10.77.0.2:8080');
      t.equal(await pod.dialFromNetwork('fd77::2', 8080), '15006 fd770000000000000000000000000002:8080');
      t.match(await pod.dialFromNetwork('10.77.0.2', 15001), /^15006 /, 'the outbound port too');
    });

    await t.test('excluded inbound ports and the ports of the sidecar are left alone', async (t) => {
      t.match(await pod.dialFromNetwork('10.77.0.2', 9090), /^9090 /);
      t.match(await pod.dialFromNetwork('10.77.0.2', 15021), /^15021 /);
      t.match(await pod.dialFromNetwork('10.77.0.2', 15006), /^15006 /);
      t.equal(await pod.dialFromNetwork('10.77.0.2', 15000), 'connect ECONNREFUSED', 'admin on loopback stays there');
    });

    await t.test('excluded outbound ports and networks are left alone', async (t) => {
      t.match(await pod.dial('10.77.0.1', 5432), /^5432 /);
      t.match(await pod.dial('10.78.0.1', 80), /^80 /);
      t.match(await pod.dial('fd78::1', 80), /^80 /);
    });

    await t.test('traffic within the pod is left alone', async (t) => {
      t.match(await pod.dial('127.0.0.1', 8080), /^8080 /);
      t.match(await pod.dial('10.77.0.2', 8080), /^8080 /, "the pod's own address");
      t.match(await pod.dial('fd77::2', 8080), /^8080 /);
    });

    await t.test('the traffic of the proxy is left alone, towards the network and the application', async (t) => {
      t.match(await pod.dial('10.77.0.1', 80, proxy), /^80 /);
      t.match(await pod.dial('fd77::1', 80, proxy), /^80 /);
      t.match(await pod.dial('10.77.0.2', 8080, proxy), /^8080 /);
      t.match(await pod.dial('10.77.0.1', 80, { mark: 1338 }), /^15001 /, 'another mark is not the proxy');
      if (!way.users) return;
      t.match(await pod.dial('10.77.0.1', 80, { uid: 1338 }), /^15001 /, 'another user is not the proxy');
      t.match(
        await pod.dial('10.77.0.1', 80, { mark: 1337 }),
        /^15001 /,
        'nor is the mark where the rules name a user',
      );
      t.match(await pod.dial('10.77.0.1', 80, { uid: 101 }), /^80 /, 'an excluded user');
    });

    await t.test('UDP, and so DNS, is left alone', async (t) => {
      t.equal(await pod.ask('askUdp', '10.77.0.1', 53, 'who?'), '10.77.0.1:53 who?');
    });

    await t.test('with both named, either user or mark is the proxy', { skip: !way.users && 'one user' }, async (t) => {
      await pod.ask('apply', { proxy: { uid: 1337, mark: 7 } });
      t.match(await pod.dial('10.77.0.1', 80, { uid: 1337 }), /^80 /);
      t.match(await pod.dial('10.77.0.1', 80, { mark: 7 }), /^80 /);
      t.match(await pod.dial('10.77.0.1', 80), /^15001 /);
    });

    await t.test(
      'a proxy uid that cannot exist here is refused',
      { skip: way.users && 'every user exists' },
      async (t) => {
        await t.rejects(pod.ask('apply', { proxy: { uid: 1337 } }), {
          code: 'proxy-uid-unmapped',
          message: /proxy.mark/,
        });
        t.match(await pod.dial('10.77.0.1', 80), /^15001 /, 'and the rules before stay');
      },
    );

    await t.test('replacing the rules leaves no gap', async (t) => {
      const replaced = pod.ask<number>('replaceUntilTold', { proxy });
      const answers = await pod.ask<string[]>('dial', '10.77.0.1', 80, { times: 150 });
      await pod.ask('stopReplacing');
      t.ok((await replaced) > 20, 'replaced more than 20 times meanwhile');
      t.equal(answers.length, 150);
      t.same(new Set(answers), new Set(['15001 10.77.0.1:80']));
    });

    await t.test('an open connection outlives new rules, but not the first and not the last', async (t) => {
      await pod.ask('remove');
      await pod.beyond('echoTcp', '10.77.0.1', 7);
      await pod.ask('echoTcp', '127.0.0.1', 16001);
      await pod.ask('open', '10.77.0.1', 7);
      t.equal(await pod.ask('say', 'not redirected'), 'not redirected');
      await pod.ask('apply', { proxy, outboundPort: 16001 });
      t.equal(await pod.ask('say', 'redirected halfway'), 'ECONNRESET');
      await pod.ask('open', '10.96.0.5', 9);
      t.equal(await pod.ask('say', 'redirected'), 'redirected');
      await pod.ask('apply', { proxy, outboundPort: 16002 });
      t.equal(await pod.ask('say', 'still there'), 'still there');
      await pod.ask('remove');
      t.equal(await pod.ask('say', 'no longer'), 'ECONNRESET');
    });

    await t.test('new rules take the place of the old, and may come twice', async (t) => {
      const rules = { proxy, inboundPort: 8080, exclude: { outboundPorts: [80] } };
      await pod.ask('apply', rules);
      await pod.ask('apply', rules);
      t.match(await pod.dial('10.77.0.1', 80), /^80 /);
      t.match(await pod.dial('10.77.0.1', 5432), /^15001 /);
      t.equal(await pod.dialFromNetwork('10.77.0.2', 9090), '8080 10.77.0.2:9090');
    });

    await t.test('removing leaves nothing, and may come twice', async (t) => {
      await pod.ask('remove');
      await pod.ask('remove');
      t.match(await pod.dial('10.77.0.1', 5432), /^5432 /);
      t.match(await pod.dialFromNetwork('10.77.0.2', 9090), /^9090 /);
    });
  });
}
