import t from 'tap';
import type { PeerCertificate } from '../../src/io/io.js';
import { type PeerExpectation, verifyPeer } from '../../src/secure/peer.js';
import { verifyClient } from '../../src/secure/server-tls.js';

const uri = 'spiffe://cluster.local/ns/default/sa/server';
const mesh = { trustDomain: 'cluster.local', allowedUris: [] };

const leafUsage = { digitalSignature: true, keyCertSign: false, cRLSign: false };

function peer(...uris: string[]): PeerCertificate {
  return { uris, dnsNames: ['server.test'], serial: '1', notAfterMs: 0, isCa: false, keyUsage: leafUsage };
}

function kind(
  uris: readonly string[],
  allowedUris: readonly string[] = [],
  trustDomain: string | undefined = 'cluster.local',
): string {
  return verifyPeer(peer(...uris), { trustDomain, allowedUris }).kind;
}

void t.test('an X.509-SVID of the trust domain is accepted', async (t) => {
  t.same(verifyPeer(peer(uri), mesh), { kind: 'accepted', uri });
  t.equal(kind([uri], ['spiffe://cluster.local/other', uri]), 'accepted');
});

void t.test('everything else is rejected', async (t) => {
  const wrong = [
    '',
    'https://cluster.local/ns/default/sa/server',
    'SPIFFE://cluster.local/ns/default',
    'spiffe://CLUSTER.local/ns/default',
    'spiffe://cluster.local',
    'spiffe://cluster.local/',
    'spiffe://cluster.local/ns//sa',
    'spiffe://cluster.local/ns/default/',
    'spiffe://cluster.local/ns/../admin',
    'spiffe://cluster.local/./admin',
    'spiffe://cluster.local/ns/%41',
    'spiffe://cluster.local/ns?x',
    'spiffe://cluster.local/ns#x',
    'spiffe://cluster.local:80/ns',
    'spiffe://user@cluster.local/ns',
    'spiffe://cluster.local.evil/ns',
    'spiffe://evil/cluster.local',
    `${uri}\n`,
    `spiffe://cluster.local/${'a'.repeat(2_048)}`,
  ];
  for (const each of wrong) t.equal(kind([each]), 'rejected', JSON.stringify(each.slice(0, 60)));
  t.equal(kind([]), 'rejected', 'no URI');
  t.equal(kind([uri, uri]), 'rejected', 'two URIs');
  t.equal(kind([uri], ['spiffe://cluster.local/ns/default/sa/other']), 'rejected', 'not the one expected');
  t.equal(kind([uri], ['spiffe://cluster.local/ns/default/sa/serve']), 'rejected', 'a prefix is not enough');
  t.equal(verifyPeer(undefined, mesh).kind, 'rejected', 'no certificate');
});

void t.test('a certificate that may sign others is no X.509-SVID, nor one that may not sign a handshake', async (t) => {
  const verdict = (facts: Partial<PeerCertificate>, expected: PeerExpectation = mesh) =>
    verifyPeer({ ...peer(uri), ...facts }, expected);
  const usage = (facts: Partial<typeof leafUsage>) => ({ keyUsage: { ...leafUsage, ...facts } });
  const wrong = [
    [{ isCa: true }, /is a CA/],
    [{ isCa: true, keyUsage: undefined }, /is a CA/],
    [usage({ keyCertSign: true }), /keyCertSign/],
    [usage({ cRLSign: true }), /cRLSign/],
    [usage({ digitalSignature: false }), /digitalSignature/],
  ] as const;
  for (const [facts, detail] of wrong) {
    t.match(verdict(facts), { kind: 'rejected', failure: { reason: 'upstream-identity-mismatch', detail } });
    t.equal(verdict(facts, { trustDomain: undefined, allowedUris: [uri] }).kind, 'accepted', 'plain X.509');
  }
  t.equal(verdict({ keyUsage: undefined }).kind, 'rejected', 'the extension must be there');
});

void t.test('plain X.509: the chain decides, unless URIs are asked for', async (t) => {
  t.same(verifyPeer(peer(), { trustDomain: undefined, allowedUris: [] }), { kind: 'accepted', uri: '' });
  t.equal(verifyPeer(peer(), { trustDomain: undefined, allowedUris: [uri] }).kind, 'rejected');
  t.equal(verifyPeer(peer('urn:x'), { trustDomain: undefined, allowedUris: ['urn:x'] }).kind, 'accepted');
});

void t.test('a client may come without a certificate only where none is required', async (t) => {
  const context = { key: 'k', release() {} };
  const tls = { context, requireClientCertificate: false, expected: mesh };
  t.same(verifyClient(undefined, tls), { kind: 'accepted', uri: '' });
  t.equal(verifyClient(undefined, { ...tls, requireClientCertificate: true }).kind, 'rejected');
  t.equal(verifyClient(peer('urn:x'), tls).kind, 'rejected', 'one that is shown must be right');
  t.same(verifyClient(peer(uri), tls), { kind: 'accepted', uri });
  t.same(
    verifyClient(peer(uri), { ...tls, expected: undefined }),
    { kind: 'accepted', uri: '' },
    'nobody has verified it',
  );
});
