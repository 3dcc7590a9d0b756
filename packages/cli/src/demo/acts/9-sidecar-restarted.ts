import type { Act } from '../act.js';

/** From the start of the control plane to the rule's effect, in ms: sidecars look for it every one or two seconds, a busy machine takes longer. Past it: it has not come. */
const arrivalDeadlineMs = 60_000;

export const sidecarRestarted: Act = {
  id: 'sidecar-restarted',
  title: 'A sidecar is restarted meanwhile, then the control plane comes back',
  async run(world, tell) {
    tell.command(world.typed('restart client/proxy'));
    await world.control('restart', 'client/proxy');
    const { controlPlane } = await world.status();
    const answer = await world.request('client', { url: 'http://server/' });
    const denied = await world.request('client', { url: 'http://server/admin' });
    tell.check(
      'serves',
      controlPlane.state !== 'running' && answer.status === 200,
      'the new sidecar serves from its last good configuration, on disk',
      `${answer.status} ${answer.body.trim() || (answer.error ?? '')}, while the control plane is ${controlPlane.state}`,
    );
    tell.check(
      'still-denied',
      denied.status === 403,
      'and its identity is still known to the server',
      `/admin: ${denied.status}`,
    );

    tell.command(world.typed('start control-plane'));
    await world.control('start', 'control-plane');
    const took = await world.until(
      arrivalDeadlineMs,
      async () => (await world.request('client', { url: 'http://server/closed' })).status === 403,
    );
    tell.check(
      'rule-arrives',
      took !== undefined,
      'the control plane is back and the late rule arrives',
      took === undefined ? `not within ${arrivalDeadlineMs / 1000} s` : `/closed: 403 after ${Math.round(took)} ms`,
    );
  },
};
