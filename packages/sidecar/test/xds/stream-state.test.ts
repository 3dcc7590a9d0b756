import type { Any } from '@bufbuild/protobuf/wkt';
import { typeUrl, type XdsType } from '@tulle/xds';
import t from 'tap';
import { ResourceStore } from '../../src/xds/resource-store.js';
import { type StreamRequest, StreamState } from '../../src/xds/stream-state.js';
import * as envoy from '../translate/resources-of-envoy.js';

const cluster = 'outbound/default/server/80';
const dialled = 'outbound/10.96.0.5:80';
const toCluster = envoy.route({ clusterSpecifier: { case: 'cluster', value: cluster } });

/** `LDS v=1 n=a [names]`, `!` where it refuses. */
function brief({ type, version, nonce, names, error }: StreamRequest): string {
  return `${type} v=${version} n=${nonce} [${names}]${error === undefined ? '' : '!'}`;
}

function open(store: ResourceStore = new ResourceStore()) {
  const state = new StreamState(store);
  let nonce = 0;
  return {
    store,
    opened: state.open().map(brief),
    receive(type: XdsType, version: string, resources: Any[]) {
      const { requests, refusals } = state.receive({ type, version, nonce: `n${++nonce}`, resources });
      return { sent: requests.map(brief), error: requests[0].error, refusals };
    },
  };
}

t.test('a first stream asks for all clusters and listeners, and for the roots', async (t) => {
  t.same(open().opened, ['cds v= n= []', 'sds v= n= [trust]', 'lds v= n= []']);
});

t.test('an accepted resource is answered with its version, and what it refers to is asked for', async (t) => {
  const { receive } = open();
  t.same(receive('cds', 'c1', [envoy.edsCluster(cluster)]).sent, ['cds v=c1 n=n1 []', `eds v= n= [${cluster}]`]);
  t.same(receive('eds', 'e1', [envoy.assignment(cluster, ['10.0.0.1'])]).sent, [`eds v=e1 n=n2 [${cluster}]`]);
  t.same(receive('lds', 'l1', [envoy.catchAll, envoy.dialled('10.96.0.5', 80)]).sent, [
    'lds v=l1 n=n3 []',
    `rds v= n= [${dialled}]`,
  ]);
  t.same(receive('rds', 'r1', [envoy.routes(dialled, [toCluster])]).sent, [`rds v=r1 n=n4 [${dialled}]`]);
});

t.test('names that change are asked for under the nonce of the last response of their type', async (t) => {
  const { receive } = open();
  receive('cds', 'c1', [envoy.edsCluster(cluster)]);
  receive('eds', 'e1', [envoy.assignment(cluster, [])]);
  t.same(receive('cds', 'c2', [envoy.edsCluster('other')]).sent, ['cds v=c2 n=n3 []', 'eds v=e1 n=n2 [other]']);
  t.same(receive('cds', 'c3', []).sent, ['cds v=c3 n=n4 []', 'eds v=e1 n=n2 []']);
});

t.test(
  'a bad resource is refused by name and field; the last good one stays, and good ones beside it are taken',
  async (t) => {
    const { store, receive } = open();
    receive('cds', 'c1', [envoy.edsCluster(cluster)]);
    const bad = envoy.edsCluster(cluster, { dnsLookupFamily: 1 });
    const { sent, error } = receive('cds', 'c2', [bad, envoy.edsCluster('new')]);
    t.same(sent, ['cds v=c1 n=n2 []!', `eds v= n= [new,${cluster}]`]);
    t.equal(error, `Cluster "${cluster}": dns_lookup_family: this field is not understood`);
    t.same([...store.parts().cds.keys()].sort(), ['new', cluster].sort());
    t.equal(store.has('cds', cluster), false, 'there is a good one');
    t.same(receive('cds', 'c3', [envoy.edsCluster('new')]).sent[0], 'cds v=c3 n=n3 []');
    t.same([...store.parts().cds.keys()], ['new']);
  },
);

t.test('bytes that are no resource are refused, and all that is held stays', async (t) => {
  const { store, receive } = open();
  receive('cds', 'c1', [envoy.edsCluster(cluster)]);
  const { error } = receive('cds', 'c2', [{ ...envoy.edsCluster('x'), value: new Uint8Array([0xff]) }]);
  t.match(error, /^Cluster "": value: the bytes are not a envoy.config.cluster.v3.Cluster$/);
  t.match(receive('cds', 'c3', [{ ...envoy.edsCluster('x'), typeUrl: typeUrl.lds }]).error, /type_url: must be/);
  t.same([...store.parts().cds.keys()], [cluster]);
});

t.test('a part of the endpoints is no end of the others; what nothing refers to is dropped', async (t) => {
  const { store, receive } = open();
  receive('cds', 'c1', [envoy.edsCluster('a'), envoy.edsCluster('b')]);
  receive('eds', 'e1', [envoy.assignment('a', []), envoy.assignment('b', [])]);
  receive('eds', 'e2', [envoy.assignment('a', ['10.0.0.1'])]);
  t.same([...store.parts().eds.keys()].sort(), ['a', 'b']);
  receive('cds', 'c2', [envoy.edsCluster('a')]);
  t.same([...store.parts().eds.keys()], ['a']);
});

t.test('a new stream begins with the versions held and without nonces', async (t) => {
  const first = open();
  first.receive('cds', 'c1', [envoy.edsCluster(cluster)]);
  first.receive('eds', 'e1', [envoy.assignment(cluster, [])]);
  t.same(open(first.store).opened, ['cds v=c1 n= []', `eds v=e1 n= [${cluster}]`, 'sds v= n= [trust]', 'lds v= n= []']);
});

t.test('what was saved is restored with its versions', async (t) => {
  const { store, receive } = open();
  receive('cds', 'c1', [envoy.edsCluster(cluster)]);
  receive('eds', 'e1', [envoy.assignment(cluster, ['10.0.0.1'])]);
  const restored = new ResourceStore();
  t.same(restored.restore(store.save()), []);
  t.same(restored.save(), store.save());
  t.same(restored.parts(), store.parts());
  t.equal(restored.hasBegun(), false, 'no listeners yet');
});

t.test('a long refusal is cut', async (t) => {
  const { receive } = open();
  const bad = Array.from({ length: 100 }, (_, i) => envoy.edsCluster(`cluster-${i}`, { dnsLookupFamily: 1 }));
  t.equal(receive('cds', 'c1', bad).error?.length, 2000);
});
