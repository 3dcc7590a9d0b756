import type { LoadResult, PathMeasurement } from '@tulle/bench';
import type { Act } from '../act.js';
import type { World } from '../world.js';

const rate = 500;
const seconds = 3;
/** V8 interprets code until it is hot: without these the table would show what a proxy costs in its first seconds. */
const warmUpRequests = 5_000;

export const cost: Act = {
  id: 'cost',
  title: 'What it costs',
  async run(world, tell) {
    const { overheadTable, renderOverheadText } = await import('@tulle/bench');
    tell.say(`After ${warmUpRequests} requests to warm up on each way:`);
    tell.say(`${rate} requests a second for ${seconds} s each, open loop: latency counts from when a request was due.`);
    tell.command(world.typed(`exec client -- tulle bench load --url http://server/ --rate ${rate}`));
    const target = await directTarget(world);
    await warmUp(world, 'direct-client', target, true);
    await warmUp(world, 'client', meshTarget, false);
    const direct = await measureDirect(world, target);
    const mesh = await measureMesh(world);
    tell.lines(
      renderOverheadText(overheadTable([direct, mesh]))
        .trimEnd()
        .split('\n'),
    );
    for (const { name, invalid } of [direct, mesh]) {
      // A busy machine makes figures worthless, and the table says so; only lost requests are the mesh's fault.
      const lost = invalid.filter((reason) => !reason.startsWith('the generator was late'));
      tell.check(
        `no-loss-${name.split(' ').at(-1)}`,
        lost.length === 0,
        `every request has its answer (${name})`,
        lost.join('; '),
      );
    }
  },
};

function load(world: World, pod: string, url: string, direct: boolean): Promise<LoadResult> {
  const amount = ['--rate', String(rate), '--duration', `${seconds}s`, '--warmup', '0.5s', '--connections', '8'];
  return world.load(pod, ['--url', url, ...amount], direct);
}

async function warmUp(world: World, pod: string, url: string, direct: boolean): Promise<void> {
  await world.load(
    pod,
    ['--url', url, '--rate', 'max', '--requests', String(warmUpRequests), '--connections', '8'],
    direct,
  );
}

const meshTarget = 'http://server/';

/** The pod itself: no Service, no sidecar, nothing on the way. */
async function directTarget(world: World): Promise<string> {
  const { services } = await world.status();
  return `http://${services.find(({ name }) => name === 'direct-server')?.ports[0]?.endpoints[0]?.address}/`;
}

async function measureDirect(world: World, target: string): Promise<PathMeasurement> {
  const { latencyUs, invalid } = await load(world, 'direct-client', target, true);
  return { name: 'direct', latencyUs, invalid };
}

const clientSidecars = ['client'];
const serverSidecars = ['server-v1', 'server-v2'];

async function measureMesh(world: World): Promise<PathMeasurement> {
  const before = await Promise.all([cpuNs(world, clientSidecars), cpuNs(world, serverSidecars)]);
  const { latencyUs, invalid, requests } = await load(world, 'client', meshTarget, false);
  const after = await Promise.all([cpuNs(world, clientSidecars), cpuNs(world, serverSidecars)]);
  const perRequest = (side: 0 | 1): number => (after[side] - before[side]) / 1000 / Math.max(1, requests.sent);
  const [client, server] = await Promise.all(['client', 'server-v1'].map((pod) => world.usage(pod)));
  return {
    name: 'through the mesh',
    latencyUs,
    invalid,
    cpuUsPerRequest: { client: perRequest(0), server: perRequest(1) },
    rssBytes: { client: client.proxy?.rssBytes ?? 0, server: server.proxy?.rssBytes ?? 0 },
  };
}

/** Run time of the sidecars of these pods since they started. */
async function cpuNs(world: World, pods: readonly string[]): Promise<number> {
  const usages = await Promise.all(pods.map((pod) => world.usage(pod)));
  return usages.reduce((sum, { proxy }) => sum + (proxy?.cpuNs ?? 0), 0);
}
