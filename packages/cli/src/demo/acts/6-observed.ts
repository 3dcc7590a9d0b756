import type { Act } from '../act.js';
import type { World } from '../world.js';

export const observed: Act = {
  id: 'observed',
  title: 'Both sidecars have written it down and counted it',
  async run(world, tell) {
    const path = world.uniquePath();
    const pods = ['client', 'server-v2'];
    const before = await Promise.all(pods.map((pod) => requestsCounted(world, pod)));
    await world.request('client', { url: `http://server${path}`, headers: { 'x-version': 'v2' } });
    tell.command(world.typed('logs client -c access'));
    for (const [index, pod] of pods.entries()) {
      const line = await world.accessLine(pod, path);
      if (line !== undefined) tell.lines([JSON.stringify(line)]);
      tell.check(
        `log-${pod}`,
        line?.status === 200,
        `the sidecar of ${pod} has a log line`,
        line === undefined ? 'none came' : `${line.direction} to ${line.upstream}`,
      );
      const counted = (await requestsCounted(world, pod)) - before[index];
      tell.check(
        `metric-${pod}`,
        counted >= 1,
        'and has counted the request',
        `its request counters rose by ${counted}`,
      );
    }
  },
};

/** Sum of the sidecar's Prometheus counters of requests. */
async function requestsCounted(world: World, pod: string): Promise<number> {
  const { sidecar } = await world.pod(pod);
  const { body } = await world.request('direct-client', { url: `http://${sidecar?.metrics}/metrics`, direct: true });
  let sum = 0;
  for (const match of body.matchAll(/^\w*requests\w*_total(?:\{.*\})? (\S+)/gm)) sum += Number(match[1]);
  return sum;
}
