import type { Act } from '../act.js';

export const takenOver: Act = {
  id: 'taken-over',
  title: 'An ordinary request is handed to the sidecar of the client',
  async run(world, tell) {
    const { provider, services } = await world.status();
    const clusterIp = services.find(({ name }) => name === 'server')?.clusterIp ?? '';
    if (provider === 'netns') {
      tell.say('The program dials the service. Redirect rules in its pod hand the connection to the sidecar.');
    } else {
      tell.say('Interception is not possible here, so the program is told of its sidecar as an HTTP proxy.');
    }
    tell.command(world.typed('exec client -- curl -s http://server.default.svc.cluster.local/'));
    for (const [id, host] of [
      ['full-name', 'server.default.svc.cluster.local'],
      ['short-name', 'server'],
      ['cluster-ip', clusterIp],
    ]) {
      const path = world.uniquePath();
      const answer = await world.request('client', { url: `http://${host}${path}` });
      const line = await world.accessLine('client', path);
      const ok = answer.status === 200 && answer.body.startsWith('hello from') && line?.direction === 'outbound';
      const way =
        line === undefined
          ? 'its sidecar has not logged it'
          : `the client was connected to ${answer.remote}, its sidecar went on to ${line.upstream}`;
      tell.check(
        id,
        ok,
        `http://${host}/ answers, through the sidecar`,
        `${answer.status === 0 ? answer.error : `${answer.status} ${answer.body.trim()}`}; ${way}`,
      );
    }
  },
};
