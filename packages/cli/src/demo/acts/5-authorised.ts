import type { Act } from '../act.js';

export const authorised: Act = {
  id: 'authorised',
  title: 'The server’s sidecar lets in whom the policy names, and nobody else',
  async run(world, tell) {
    const { services } = await world.status();
    const address = services.find(({ name }) => name === 'server-v1')?.ports[0]?.endpoints[0]?.address ?? '';
    const cases = [
      {
        id: 'allowed',
        who: 'client',
        claim: 'the client may GET',
        host: 'server',
        path: world.uniquePath(),
        status: 200,
        direct: false,
      },
      {
        id: 'denied-path',
        who: 'client',
        claim: 'but nobody may use /admin',
        host: 'server',
        path: `/admin${world.uniquePath()}`,
        status: 403,
        direct: false,
      },
      {
        id: 'no-identity',
        who: 'stranger',
        claim: 'a program without an identity is refused',
        host: address,
        path: world.uniquePath(),
        status: 403,
        direct: true,
      },
    ];
    tell.command(world.typed('exec client -- curl -si http://server/admin'));
    for (const { id, who, claim, host, path, status, direct } of cases) {
      const answer = await world.request(who, { url: `http://${host}${path}`, direct });
      const reason = answer.headers['x-tulle-reason'];
      const ok = answer.status === status && (status === 200 || reason === 'access-denied');
      const seen =
        answer.status === 0
          ? (answer.error ?? 'no answer')
          : `${answer.status}${reason === undefined ? '' : `, x-tulle-reason: ${reason}`}`;
      tell.check(id, ok, claim, seen);
    }
  },
};
