import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import * as dns from 'dns-packet';
import t from 'tap';
import { endpointsOf } from '../src/cluster/endpoints.js';
import { answerDns } from '../src/dns/answer.js';
import { serveDns } from '../src/dns/server.js';
import { dnsZone, resolvConf } from '../src/dns/zone.js';
import { placedPod, pod, service } from './suite/cluster-fixture.js';

const pods = [
  placedPod(pod({ name: 'one', labels: { app: 's' } }), '10.244.0.5'),
  placedPod(pod({ name: 'two', labels: { app: 's' } }), '10.244.0.6'),
  placedPod(pod({ name: 'sick', labels: { app: 's' } }), '10.244.0.7', false),
];
const plain = service({
  name: 'server',
  selector: { app: 's' },
  ports: [{ name: 'http', port: 80, targetPort: 8080 }],
});
const headless = service({
  name: 'peers',
  clusterIp: null,
  selector: { app: 's' },
  ports: [{ name: 'http', port: 8080 }],
});
const zone = dnsZone(
  [plain, headless].map((s) => ({
    namespace: s.namespace,
    name: s.name,
    clusterIp: s.clusterIp,
    ports: endpointsOf(s, pods),
  })),
  pods.map(({ pod: p, ip }) => ({ namespace: p.namespace, name: p.name, ip })),
);

function ask(
  name: string,
  type: dns.RecordType = 'A',
  rotate = 0,
): { code: number; data: unknown[]; packet: dns.Packet } {
  const packet = answerDns({ id: 7, flags: 0x0100, questions: [{ name, type }] }, zone, rotate);
  return {
    code: (packet.flags ?? 0) & 0xf,
    data: (packet.answers ?? []).map((a) => ('data' in a ? a.data : null)),
    packet,
  };
}

t.test('a service has its cluster address, whatever the case of the question', async (t) => {
  t.same(ask('server.default.svc.cluster.local').data, ['10.96.1.1']);
  const upper = ask('SERVER.default.svc.CLUSTER.local');
  t.same(upper.data, ['10.96.1.1']);
  t.equal(upper.packet.answers?.[0].name, 'SERVER.default.svc.CLUSTER.local');
});

t.test('a headless service has its ready endpoints, in turn', async (t) => {
  t.same(ask('peers.default.svc.cluster.local', 'A', 0).data, ['10.244.0.5', '10.244.0.6']);
  t.same(ask('peers.default.svc.cluster.local', 'A', 1).data, ['10.244.0.6', '10.244.0.5']);
  t.same(ask('two.peers.default.svc.cluster.local').data, ['10.244.0.6']);
});

t.test('a name that exists has no AAAA record but exists', async (t) => {
  const { code, data, packet } = ask('server.default.svc.cluster.local', 'AAAA');
  t.equal(code, 0);
  t.same(data, []);
  t.equal(packet.authorities?.[0].type, 'SOA');
  t.equal(ask('default.svc.cluster.local').code, 0);
  t.equal(ask('svc.cluster.local').code, 0);
});

t.test('other names do not exist, in the cluster and outside of it', async (t) => {
  for (const name of [
    'nope.default.svc.cluster.local',
    'server.default',
    'example.com',
    'server',
    'sick.peers.default.svc.cluster.local',
  ]) {
    t.equal(ask(name).code, 3, name);
  }
});

t.test('pods have names of their own, ports have SRV records, addresses have names', async (t) => {
  t.same(ask('10-244-0-7.default.pod.cluster.local').data, ['10.244.0.7']);
  t.match(ask('_http._tcp.server.default.svc.cluster.local', 'SRV').data, [
    { target: 'server.default.svc.cluster.local', port: 80 },
  ]);
  t.same(ask('1.1.96.10.in-addr.arpa', 'PTR').data, ['server.default.svc.cluster.local']);
});

t.test(
  'the answer keeps the id, the question and the wish for recursion; other opcodes are not implemented',
  async (t) => {
    const { packet } = ask('server.default.svc.cluster.local');
    t.equal(packet.id, 7);
    t.equal((packet.flags ?? 0) & 0x0100, 0x0100);
    t.same(packet.questions, [{ name: 'server.default.svc.cluster.local', type: 'A' }]);
    t.equal((answerDns({ id: 1, flags: 2 << 11, questions: [{ name: 'x', type: 'A' }] }, zone, 0).flags ?? 0) & 0xf, 4);
  },
);

t.test('the search path makes short names whole', async (t) => {
  t.match(resolvConf('team'), /^search team\.svc\.cluster\.local svc\.cluster\.local cluster\.local$/m);
  t.match(resolvConf('team'), /^options .*ndots:5/m);
});

t.test('over the network: UDP, TCP when the answer is long, and silence to what is no question', async (t) => {
  const many = dnsZone(
    [],
    Array.from({ length: 1 }, () => ({ namespace: 'default', name: 'x', ip: '10.244.9.9' })),
  );
  const long = {
    ...many,
    addresses: new Map([
      ['many.test', Array.from({ length: 60 }, (_, i) => `10.0.0.${i}`)],
      ['few.test', ['10.9.9.9']],
    ]),
  };
  const server = await serveDns('127.0.0.1', 0, () => long);
  t.teardown(() => server.close());
  const resolver = new Resolver({ tries: 1, timeout: 2000 });
  resolver.setServers([`127.0.0.1:${server.port}`]);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send(Buffer.from('not dns'), server.port, '127.0.0.1');
  socket.send(dns.encode({ type: 'response', id: 1, questions: [] }), server.port, '127.0.0.1');
  socket.send(
    dns.encode({ type: 'query', id: 9, questions: [{ type: 'A', name: 'many.test' }] }),
    server.port,
    '127.0.0.1',
  );
  const [answer] = (await once(socket, 'message')) as [Buffer];
  const decoded = dns.decode(answer);
  t.equal(decoded.id, 9, 'only the question is answered');
  t.equal(decoded.flag_tc, true);
  t.same(await resolver.resolve4('few.test'), ['10.9.9.9']);
  t.equal((await resolver.resolve4('many.test')).length, 60, 'asked again over TCP');
  await t.rejects(resolver.resolve4('none.test'), { code: 'ENOTFOUND' });
});
