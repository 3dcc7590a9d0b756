import { create, fromJson, toJson } from '@bufbuild/protobuf';
import t from 'tap';
import { AnyError, anyIs, packAny, registry, unpackAny } from '../src/any.js';
import { ClusterSchema } from '../src/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../src/gen/envoy/config/listener/v3/listener_pb.js';
import { HttpConnectionManagerSchema } from '../src/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { typeUrl, XDS_PUSH_ORDER, xdsTypeOf } from '../src/type-urls.js';

t.test('what is packed comes out again', async (t) => {
  const any = packAny(ClusterSchema, create(ClusterSchema, { name: 'outbound/default/server/80' }));
  t.equal(any.typeUrl, typeUrl.cds);
  t.equal(unpackAny(any, ClusterSchema, 'cluster').name, 'outbound/default/server/80');
  t.ok(anyIs(any, ClusterSchema));
  t.notOk(anyIs(any, ListenerSchema));
  t.notOk(anyIs(undefined, ClusterSchema));
});

t.test('an Any that is not what was wanted says where and what', async (t) => {
  const any = packAny(ClusterSchema, create(ClusterSchema, {}));
  const wrong = { name: 'AnyError', message: /^listener "inbound": expected envoy.*Listener, got envoy.*Cluster$/ };
  t.throws(() => unpackAny(any, ListenerSchema, 'listener "inbound"'), wrong);
  t.throws(() => unpackAny(undefined, ListenerSchema, 'x'), { message: /^x: missing, expected envoy/ });
  any.value = Uint8Array.of(0xff);
  t.throws(() => unpackAny(any, ClusterSchema, 'x'), new AnyError(`x: the bytes are not a ${ClusterSchema.typeName}`));
  any.typeUrl = '';
  t.throws(() => unpackAny(any, ClusterSchema, 'x'), { message: /got an Any without a type$/ });
});

t.test('the registry turns nested Anys to JSON and back', async (t) => {
  const manager = packAny(HttpConnectionManagerSchema, create(HttpConnectionManagerSchema, { statPrefix: 'inbound' }));
  const listener = create(ListenerSchema, {
    name: 'inbound',
    filterChains: [{ filters: [{ name: 'http', configType: { case: 'typedConfig', value: manager } }] }],
  });
  const json = toJson(ListenerSchema, listener, { registry });
  t.match(JSON.stringify(json), /"statPrefix":"inbound"/);
  t.same(fromJson(ListenerSchema, json, { registry }), listener);
});

t.test('each resource type has a URL, and the push order holds each once', async (t) => {
  for (const [type, url] of Object.entries(typeUrl)) {
    t.equal(xdsTypeOf(url), type);
    t.ok(registry.getMessage(url.slice('type.googleapis.com/'.length)), url);
  }
  t.same([...XDS_PUSH_ORDER].sort(), Object.keys(typeUrl).sort());
  t.equal(xdsTypeOf('type.googleapis.com/envoy.config.core.v3.Node'), undefined);
});
