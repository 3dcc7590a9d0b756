import type { Act } from '../act.js';
import type { Teller } from '../teller.js';
import type { World } from '../world.js';

export const encrypted: Act = {
  id: 'encrypted',
  title: 'Between the sidecars it is TLS 1.3, each knows who the other is',
  async run(world, tell) {
    const path = world.uniquePath();
    const { provider } = await world.status();
    if (provider === 'netns') await lookFromOutside(world, tell, path);
    else {
      tell.say('Pods have no links of their own here, so nobody listens on the wire; the logs tell.');
      await ask(world, path);
    }
    const [client, server] = await Promise.all([world.accessLine('client', path), world.accessLine('server-v2', path)]);
    const serverId = 'spiffe://cluster.local/ns/default/sa/server';
    const clientId = 'spiffe://cluster.local/ns/default/sa/client';
    tell.check(
      'server-identity',
      client?.tls === true && client.peer === serverId,
      'the client’s sidecar has verified the server',
      client?.peer ?? 'no log line',
    );
    tell.check(
      'client-identity',
      server?.tls === true && server.peer === clientId,
      'the server’s sidecar has verified the client',
      server?.peer ?? 'no log line',
    );
  },
};

/** A request to version 2, so that it is known whose link it crosses. Returns whether it arrived there. */
async function ask(world: World, path: string): Promise<boolean> {
  const answer = await world.request('client', { url: `http://server${path}`, headers: { 'x-version': 'v2' } });
  return answer.status === 200 && answer.body.includes(' v2:');
}

async function lookFromOutside(world: World, tell: Teller, path: string): Promise<void> {
  tell.say('Every packet on the link of the server’s pod is recorded, and searched for what was asked.');
  const { ip } = await world.pod('server-v2');
  const plainPath = world.uniquePath();
  let reached = false;
  const { result, bytes } = await world.captured('server-v2', async () => {
    reached = await ask(world, path);
    // The counter-test: a program without a sidecar sends in the clear. That must be found, or the search proves nothing.
    await world.request('stranger', { url: `http://${ip}:8081${plainPath}`, direct: true });
  });
  const recorded = `${result.packets} packets, ${result.bytes} bytes, ${result.dropped} missed`;
  const complete = result.packets > 0 && result.dropped === 0 && !result.full;
  tell.check(
    'capture',
    complete && bytes.includes(plainPath),
    'the recording shows what a program without a sidecar sends',
    recorded,
  );
  tell.check(
    'no-plaintext',
    complete && reached && !bytes.includes(path),
    'and nothing of the request that went through the mesh',
    !reached
      ? 'the request did not reach version 2'
      : `"${path}" is ${bytes.includes(path) ? 'there in the clear' : 'not among the bytes'}`,
  );
}
