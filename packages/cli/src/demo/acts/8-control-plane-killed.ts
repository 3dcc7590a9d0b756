import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Act } from '../act.js';

const lateRule = `# Written by the demo while the control plane is away.
apiVersion: policy.tulle.dev/v1alpha1
kind: AuthorizationPolicy
metadata:
  name: closed-while-away
  namespace: default
spec:
  selector:
    matchLabels:
      app: server
  action: Deny
  rules:
    - to:
        - paths: ["/closed*"]
`;

export const controlPlaneKilled: Act = {
  id: 'control-plane-killed',
  title: 'The control plane is killed under load: no request is lost',
  async run(world, tell) {
    tell.command(world.typed('kill control-plane'));
    const loading = world.load('client', [
      '--url',
      'http://server/',
      '--rate',
      '200',
      '--duration',
      '2s',
      '--warmup',
      '0.5s',
      // How late the generator is does not matter here, only whether every request has its answer.
      '--max-lateness',
      '60000000',
    ]);
    // A failure to start it shows when it is awaited below, not as an unhandled rejection.
    loading.catch(() => {});
    await world.pause(1000);
    await world.control('kill', 'control-plane');
    const { controlPlane } = await world.status();
    tell.check(
      'dead',
      controlPlane.state !== 'running',
      'the control plane is dead (SIGKILL)',
      `it is ${controlPlane.state}`,
    );
    const result = await loading;
    tell.check(
      'no-loss',
      result.valid,
      'every request of the load has its answer',
      `${result.requests.answered} of ${result.requests.sent}${result.invalid.length > 0 ? `; ${result.invalid.join('; ')}` : ''}`,
    );

    const denied = await world.request('client', { url: 'http://server/admin' });
    const routed = await world.request('client', { url: 'http://server/', headers: { 'x-version': 'v2' } });
    tell.check(
      'rules-hold',
      denied.status === 403 && routed.body.includes(' v2:'),
      'routes and policies still hold',
      `/admin: ${denied.status}; x-version v2: ${routed.body.trim()}`,
    );

    tell.say('A rule is written meanwhile: nobody may use /closed.');
    await writeFile(join(world.editedFolder, 'closed-while-away.yaml'), lateRule);
    const open = await world.request('client', { url: 'http://server/closed' });
    tell.check('rule-waits', open.status === 200, 'it cannot arrive yet', `/closed: ${open.status}`);
  },
};
