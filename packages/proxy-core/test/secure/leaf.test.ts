/** Whether each engine and stage secure together keep out a peer whose chain is right, but whose certificate no workload may have. */
import { createAuthority, type IoUnderTest, type LeafOptions, Scene, type TestIdentity } from '@tulle/testkit';
import t from 'tap';
import type { TlsContextOptions } from '../../src/io/io.js';
import { createLinuxIo } from '../../src/io/linux/linux-io.js';
import { createPortableIo } from '../../src/io/portable/portable-io.js';
import { defaultLimits } from '../../src/limits.js';
import { verifyPeer } from '../../src/secure/peer.js';

const uri = 'spiffe://cluster.local/ns/default/sa/peer';
const mesh = { trustDomain: 'cluster.local', allowedUris: [uri] };
const plain = { trustDomain: undefined, allowedUris: [] };

const engines: Record<string, () => IoUnderTest> = {
  linux() {
    const io = createLinuxIo();
    return { io, step: async () => io.turn(1), close: () => io.close() };
  },
  portable() {
    const io = createPortableIo({ limits: defaultLimits });
    return { io, step: () => undefined, close: () => io.close() };
  },
};

const wrong: readonly (readonly [string, LeafOptions, RegExp])[] = [
  ['is marked as a CA', { ca: true }, /CA/],
  ['may sign certificates', { keyUsage: ['digitalSignature', 'keyCertSign'] }, /keyCertSign/],
  ['may sign revocation lists', { keyUsage: ['digitalSignature', 'cRLSign'] }, /cRLSign/],
  ['does not say what its key is for', { keyUsage: 'absent' }, /no key usage/],
  ['may not sign a handshake', { keyUsage: ['keyAgreement'] }, /digitalSignature/],
];

for (const [engine, makeIo] of Object.entries(engines)) {
  void t.test(`${engine}: only leaf certificates are X.509-SVIDs`, async (t) => {
    const underTest = makeIo();
    t.teardown(() => underTest.close());
    const scene = new Scene(underTest);
    const authority = await createAuthority();
    const right = await authority.svid(uri);
    /** One connection: the certificate of its client, as the server sees it, and of its server, as the client does. */
    const meet = async (client: TestIdentity, server: TestIdentity) => {
      const options = { trustPem: authority.rootPem, requirePeerCertificate: true, alpn: [] };
      const context = (side: TlsContextOptions['side'], identity: TestIdentity) =>
        scene.io.tlsContext({ ...options, side, ...identity });
      const { near, far } = await scene.pair({
        clientTls: context('client', client),
        serverTls: context('server', server),
      });
      return { client: far.peer, server: near.peer };
    };

    const both = await meet(right, right);
    t.same(verifyPeer(both.client, mesh), { kind: 'accepted', uri });
    t.same(verifyPeer(both.server, mesh), { kind: 'accepted', uri });

    for (const [what, leaf, reason] of wrong) {
      const identity = await authority.leaf({ uris: [uri], ...leaf });
      for (const peer of [(await meet(identity, right)).client, (await meet(right, identity)).server]) {
        t.match(verifyPeer(peer, mesh), { kind: 'rejected', failure: { detail: reason } }, `one that ${what}`);
        t.equal(verifyPeer(peer, plain).kind, 'accepted', 'in plain X.509 the chain decides');
      }
    }
  });
}
