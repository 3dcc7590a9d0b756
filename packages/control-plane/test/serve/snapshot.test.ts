import { create } from '@bufbuild/protobuf';
import { ClusterSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb';
import t from 'tap';
import { encodeSnapshot } from '../../src/serve/snapshot.js';
import type { NodeResources } from '../../src/translate/resources.js';

function resourcesOf(...clusters: string[]): NodeResources {
  return {
    clusters: clusters.map((name) => create(ClusterSchema, { name })),
    endpoints: [],
    listeners: [create(ListenerSchema, { name: 'inbound' })],
    routes: [],
    secrets: [],
  };
}

t.test('equal content has the same version, and is the same object as before', async (t) => {
  const first = encodeSnapshot(resourcesOf('a', 'b'), undefined);
  const same = encodeSnapshot(resourcesOf('a', 'b'), first);
  t.equal(same.cds, first.cds);
  t.equal(encodeSnapshot(resourcesOf('a', 'b'), undefined).cds.version, first.cds.version, 'also without a memory');
});

t.test('other content has another version, and keeps what did not change', async (t) => {
  const first = encodeSnapshot(resourcesOf('a', 'b'), undefined);
  const next = encodeSnapshot(resourcesOf('a', 'c'), first);
  t.not(next.cds.version, first.cds.version);
  t.equal(next.cds.resources.get('a'), first.cds.resources.get('a'));
  t.same([...next.cds.resources.keys()], ['a', 'c']);
  t.equal(next.lds, first.lds);
  t.not(next.eds.version, next.cds.version);
});

t.test('a message that two nodes share is encoded once', async (t) => {
  const resources = resourcesOf('a');
  const [one, two] = [encodeSnapshot(resources, undefined), encodeSnapshot(resources, undefined)];
  t.equal(one.cds.resources.get('a'), two.cds.resources.get('a'));
});
