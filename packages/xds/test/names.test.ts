import t from 'tap';
import { isTrustDomain, parseSpiffeId, spiffeId } from '../src/identity.js';
import { clusterName, hostPort, listenerName } from '../src/names.js';
import { decodeNode, encodeNode, type NodeFacts, nodeId } from '../src/node.js';

t.test('a SPIFFE ID is read exactly as it is written', async (t) => {
  const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'server' };
  t.equal(spiffeId(identity), 'spiffe://cluster.local/ns/default/sa/server');
  t.same(parseSpiffeId(spiffeId(identity)), identity);
});

t.test('a URI that is nearly a SPIFFE ID of ours is none', async (t) => {
  for (const uri of [
    '',
    'spiffe://cluster.local',
    'spiffe://cluster.local/ns/default/sa/',
    'spiffe://cluster.local/ns/default/sa/server/',
    'spiffe://cluster.local/ns/default/sa/server\n',
    'spiffe://cluster.local/ns/default/sa/a/b',
    'spiffe://cluster.local/ns/de.fault/sa/server',
    'spiffe://cluster.local/ns/de%2Ffault/sa/server',
    'spiffe://cluster.local:8443/ns/default/sa/server',
    'spiffe://Cluster.local/ns/default/sa/server',
    'SPIFFE://cluster.local/ns/default/sa/server',
    'https://cluster.local/ns/default/sa/server',
    'spiffe://cluster.local/ns/default/sa/server?x',
  ]) {
    t.equal(parseSpiffeId(uri), undefined, JSON.stringify(uri));
  }
  t.ok(isTrustDomain('cluster.local'));
  t.notOk(isTrustDomain('a/b'));
});

t.test('addresses in names are bracketed where they hold colons', async (t) => {
  t.equal(listenerName.outboundAddress('10.96.0.5', 80), 'outbound/10.96.0.5:80');
  t.equal(listenerName.outboundAddress('fd00::5', 80), 'outbound/[fd00::5]:80');
  t.equal(hostPort('127.0.0.1', 1), '127.0.0.1:1');
  t.equal(clusterName.outboundTcp('default', 'db', 5432), 'outbound/default/db/5432/tcp');
});

const facts: NodeFacts = {
  pod: 'client',
  namespace: 'default',
  serviceAccount: 'client',
  podIp: '10.244.0.5',
  interception: 'REDIRECT',
};

t.test('a node says who it is, and is understood', async (t) => {
  const node = encodeNode(facts, '0.1.0');
  t.equal(node.id, 'sidecar~10.244.0.5~client.default~default.svc.cluster.local');
  t.equal(node.id, nodeId(facts));
  t.equal(node.cluster, 'client.default');
  t.same(decodeNode(node), { facts });
});

t.test('a node that leaves something out is told what', async (t) => {
  const node = encodeNode({ ...facts, pod: '' }, '0.1.0');
  t.same(decodeNode(node), { error: 'node.metadata.POD: missing or not a string' });
  node.metadata = { ...encodeNode(facts, '0.1.0').metadata, INTERCEPTION: 'MAYBE' };
  t.same(decodeNode(node), { error: 'node.metadata.INTERCEPTION: expected REDIRECT or NONE' });
  node.metadata = { ...encodeNode(facts, '0.1.0').metadata, POD: 'x'.repeat(254) };
  t.same(decodeNode(node), { error: 'node.metadata.POD: longer than 253 characters' });
  node.metadata = undefined;
  t.match(decodeNode(node), { error: /missing/ });
});
