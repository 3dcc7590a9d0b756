import type { Act } from '../act.js';
import type { World } from '../world.js';

/** What the control plane says of one sidecar at /debug/sidecars. */
interface ConnectedSidecar {
  node: string;
  identity: string;
  /** By kind of resource: how many responses were sent and how each was answered; `error` is the last refusal. */
  types: Record<string, { sent: number; acked: number; nacked: number; error?: string }>;
}

/** A response that was sent a moment ago is not acknowledged yet: how long that may last, in ms. */
const acknowledgeDeadlineMs = 20_000;

export const hasRules: Act = {
  id: 'has-rules',
  title: 'The sidecar has its rules from the control plane, and applies them',
  async run(world, tell) {
    const { controlPlane, pods } = await world.status();
    const injected = pods.filter(({ sidecar }) => sidecar !== null);
    tell.say('Each sidecar holds a gRPC stream (ADS, Envoy’s xDS v3) and acknowledges each kind of rule.');
    tell.command(world.typed(`exec direct-client -- curl -s http://${controlPlane.admin}/debug/sidecars`));
    let sidecars: ConnectedSidecar[] = [];
    await world.until(acknowledgeDeadlineMs, async () => {
      sidecars = await connected(world, controlPlane.admin);
      return sidecars.length === injected.length && sidecars.every((sidecar) => refusals(sidecar).length === 0);
    });
    tell.lines(sidecars.map(({ identity, types }) => `${identity}  ${Object.keys(types).join(' ')}`));
    tell.check(
      'connected',
      injected.length > 0 && sidecars.length === injected.length,
      `all ${injected.length} sidecars are connected`,
      sidecars.length === injected.length ? '' : `${sidecars.length} are`,
    );
    const refused = sidecars.flatMap(refusals);
    tell.check(
      'acknowledged',
      sidecars.length > 0 && refused.length === 0,
      'and have acknowledged all that they were sent',
      refused.join('; '),
    );

    tell.say('A route says: whoever sends "x-version: v2" gets version 2; of all others nine in ten get version 1.');
    tell.command(world.typed('exec client -- curl -s -H "x-version: v2" http://server/'));
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        world.request('client', { url: 'http://server/', headers: { 'x-version': 'v2' } }),
      ),
    );
    const versions = answers.map(({ body }) => / (v\d+):/.exec(body)?.[1] ?? 'none');
    tell.check(
      'route',
      versions.every((version) => version === 'v2'),
      'five of five such requests reach version 2',
      versions.join(' '),
    );
  },
};

async function connected(world: World, admin: string): Promise<ConnectedSidecar[]> {
  const { status, body } = await world.request('direct-client', {
    url: `http://${admin}/debug/sidecars`,
    direct: true,
  });
  return status === 200 ? (JSON.parse(body) as ConnectedSidecar[]) : [];
}

/** What a sidecar has not accepted, or not yet. */
function refusals({ node, types }: ConnectedSidecar): string[] {
  return Object.entries(types)
    .filter(([, { sent, acked, error }]) => error !== undefined || acked < sent)
    .map(([type, { sent, acked, error }]) => `${node} ${type}: ${error ?? `${acked} of ${sent} acknowledged`}`);
}
