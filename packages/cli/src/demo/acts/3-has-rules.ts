import type { Act } from '../act.js';

/** What the control plane says of one sidecar at /debug/sidecars. */
interface ConnectedSidecar {
  node: string;
  identity: string;
  types: Record<string, { sent: unknown; acked: unknown; nacked: unknown; error?: string }>;
}

export const hasRules: Act = {
  id: 'has-rules',
  title: 'The sidecar has its rules from the control plane, and applies them',
  async run(world, tell) {
    const { controlPlane, pods } = await world.status();
    const injected = pods.filter(({ sidecar }) => sidecar !== null);
    tell.say('Each sidecar holds a gRPC stream (ADS, Envoy’s xDS v3) and acknowledges each kind of rule.');
    tell.command(world.typed(`exec direct-client -- curl -s http://${controlPlane.admin}/debug/sidecars`));
    const answer = await world.request('direct-client', {
      url: `http://${controlPlane.admin}/debug/sidecars`,
      direct: true,
    });
    const sidecars = answer.status === 200 ? (JSON.parse(answer.body) as ConnectedSidecar[]) : [];
    tell.lines(sidecars.map(({ identity, types }) => `${identity}  ${Object.keys(types).join(' ')}`));
    tell.check(
      'connected',
      sidecars.length === injected.length,
      `all ${injected.length} sidecars are connected`,
      `${sidecars.length} are${answer.error === undefined ? '' : ` (${answer.error})`}`,
    );
    const refused = sidecars.flatMap(({ node, types }) =>
      Object.entries(types)
        .filter(([, { error }]) => error !== undefined)
        .map(([type, { error }]) => `${node} refused ${type}: ${error}`),
    );
    tell.check(
      'acknowledged',
      sidecars.length > 0 && refused.length === 0,
      'and refuse nothing of what they were sent',
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
