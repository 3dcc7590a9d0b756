import t from 'tap';
import type { ServicePortEndpoints } from '../src/cluster/endpoints.js';
import { type ControlPlaneView, isSettled } from '../src/keeper/settled.js';

const known = [
  {
    service: { namespace: 'default', name: 'server' },
    port: { port: 80 },
    endpoints: [
      { ip: '10.244.0.5', port: 8080, ready: true, pod: 'default/server-v1' },
      { ip: '10.244.0.6', port: 8081, ready: false, pod: 'default/server-v2' },
    ],
  },
] as unknown as ServicePortEndpoints[];

const endpoint = { servicePort: 80, address: '10.244.0.5', port: 8080 };
const sidecar = { generation: 3, types: { EDS: { sent: 2, acked: 2, nacked: 0 } } };

function view(changes: Partial<ControlPlaneView>, endpoints: (typeof endpoint)[] = [endpoint]): ControlPlaneView {
  return {
    generation: 3,
    services: [{ namespace: 'default', name: 'server', endpoints }],
    sidecars: [sidecar],
    ...changes,
  };
}

t.test(
  'the mesh is settled when the control plane has the ready endpoints and each sidecar has answered',
  async (t) => {
    t.equal(isSettled(view({}), known, 1), true);
    const refused = { generation: 3, types: { EDS: { sent: 2, acked: 1, nacked: 1 } } };
    t.equal(isSettled(view({ sidecars: [refused] }), known, 1), true, 'a refusal is an answer');
  },
);

t.test('it is not settled while anything is on its way', async (t) => {
  t.equal(isSettled(view({}, []), known, 1), false, 'an endpoint is missing');
  t.equal(
    isSettled(view({}, [endpoint, { ...endpoint, address: '10.244.0.6' }]), known, 1),
    false,
    'there is one too many',
  );
  t.equal(isSettled(view({}), known, 2), false, 'a sidecar is not connected');
  t.equal(isSettled(view({ sidecars: [{ ...sidecar, generation: 2 }] }), known, 1), false, 'it has an older state');
  t.equal(isSettled(view({ sidecars: [{ ...sidecar, types: {} }] }), known, 1), false, 'it has asked for nothing');
  const waiting = { generation: 3, types: { EDS: { sent: 2, acked: 1, nacked: 0 } } };
  t.equal(isSettled(view({ sidecars: [waiting] }), known, 1), false, 'it has not answered');
});
