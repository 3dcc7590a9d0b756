import type { NodeFacts, WorkloadIdentity } from '@tulle/xds';
import t from 'tap';
import type { Model, ModelPod } from '../../src/model/model.js';
import { authorizeNode } from '../../src/serve/authorize.js';
import { clientFacts, identityOf } from './mesh.js';

const pod = { namespace: 'default', name: 'client', serviceAccount: 'client', podIp: '10.244.0.5' } as ModelPod;

function decide(svid: WorkloadIdentity, facts: Partial<NodeFacts>, found: Partial<ModelPod> | undefined = {}): object {
  const model: Pick<Model, 'findPod'> = {
    findPod: (namespace, name) =>
      found !== undefined && namespace === 'default' && name === 'client' ? { ...pod, ...found } : undefined,
  };
  return authorizeNode(model, svid, { ...clientFacts, ...facts });
}

t.test('a pod gets its own configuration, also before its address is known', async (t) => {
  const node = { pod: 'client', namespace: 'default', serviceAccount: 'client', podIp: '10.244.0.5' };
  t.same(decide(identityOf('client'), {}), { node: { ...node, interception: 'redirect' } });
  t.match(decide(identityOf('client'), { interception: 'NONE' }), { node: { interception: 'none' } });
  t.match(decide(identityOf('client'), { podIp: '10.244.0.9' }, { podIp: undefined }), {
    node: { podIp: '10.244.0.9' },
  });
});

t.test('whoever is not that pod gets nothing', async (t) => {
  t.match(decide(identityOf('server'), {}), { error: /certificate is of service account default\/server/ });
  t.match(decide({ ...identityOf('client'), namespace: 'other' }, {}), { error: /of service account other\/client/ });
  t.match(decide(identityOf('client'), { namespace: 'other' }), { error: /the node says other\/client/ });
  t.match(decide(identityOf('client'), { pod: 'unknown' }), { error: /there is no pod default\/unknown/ });
  t.match(decide(identityOf('client'), {}, { serviceAccount: 'new' }), { error: /has service account new/ });
  t.match(decide(identityOf('client'), { podIp: '10.244.0.6' }), {
    error: /has address 10.244.0.5, the node says 10.244.0.6/,
  });
});
