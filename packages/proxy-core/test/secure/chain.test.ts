/** Which chains each engine lets in (RFC 5280 section 6), on both sides of the handshake, and what the operator is told of the others. */
import { createAuthority, RecordingHandler, Scene, type TestIdentity } from '@tulle/testkit';
import t from 'tap';
import { verifyPeer } from '../../src/secure/peer.js';
import { engines } from '../io/engines.js';

const uri = 'spiffe://cluster.local/ns/default/sa/peer';
const mesh = { trustDomain: 'cluster.local', allowedUris: [] };
const hourMs = 3_600_000;
const past = { notBefore: new Date(Date.now() - 2 * hourMs), notAfter: new Date(Date.now() - hourMs) };
const future = { notBefore: new Date(Date.now() + hourMs), notAfter: new Date(Date.now() + 2 * hourMs) };

const root = await createAuthority();
const shallow = await createAuthority('Shallow Root', { pathLength: 0 });
const below = await root.intermediate();
const right = await root.svid(uri);
const trusted = root.rootPem + shallow.rootPem;

const accepted: readonly (readonly [string, TestIdentity])[] = [
  ['a leaf of the root', right],
  ['a leaf of an authority below the root', await below.svid(uri)],
  ['a leaf two authorities below the root', await (await below.intermediate({ name: 'Lower' })).svid(uri)],
  ['a leaf of an authority that may have none below it', await (await root.intermediate({ pathLength: 0 })).svid(uri)],
  ['a leaf of a root that may have no authority below it', await shallow.svid(uri)],
  ['a leaf without extended key usage', await root.leaf({ uris: [uri], extendedKeyUsage: 'absent' })],
  ['a leaf with DNS names beside its URI', await root.leaf({ uris: [uri], dnsNames: ['a.test', 'b.test'] })],
  ['a leaf with a common name, which says nothing', await root.leaf({ uris: [uri], subject: 'CN=somebody else' })],
];

const refused: readonly (readonly [string, TestIdentity, RegExp])[] = [
  ['an expired leaf', await root.expired(uri), /expired/i],
  ['a leaf that is not valid yet', await root.leaf({ uris: [uri], ...future }), /not.yet.valid/i],
  [
    'a leaf of a stranger',
    await (await createAuthority('Stranger')).svid(uri),
    /issuer|verify.*leaf|self.signed|local/i,
  ],
  ['a leaf of an expired authority', await (await root.intermediate(past)).svid(uri), /expired/i],
  [
    'a leaf of a leaf',
    await (await root.intermediate({ ca: false, keyUsage: ['digitalSignature'] })).svid(uri),
    /invalid.*CA|CA.*invalid|keyusage|key usage|invalid_purpose/i,
  ],
  [
    'a leaf of an authority without keyCertSign',
    await (await root.intermediate({ keyUsage: ['cRLSign'] })).svid(uri),
    /invalid.*CA|keyusage|key usage/i,
  ],
  ['a leaf below the path length of the root', await (await shallow.intermediate()).svid(uri), /path.?length/i],
  [
    'a leaf below the path length of an authority',
    await (await (await root.intermediate({ pathLength: 0 })).intermediate({ name: 'Lower' })).svid(uri),
    /path.?length/i,
  ],
  ['a leaf without the authority between', alone(await below.svid(uri)), /issuer|verify|key/i],
  [
    'a leaf that may sign code only',
    await root.leaf({ uris: [uri], extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] }),
    /purpose/i,
  ],
];

/** Only the leaf of its chain. */
function alone(identity: TestIdentity): TestIdentity {
  const [leaf] = identity.certificateChainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  return { ...identity, certificateChainPem: leaf };
}

for (const [engine, makeIo] of Object.entries(engines)) {
  void t.test(`${engine}: chains`, async (t) => {
    const underTest = makeIo();
    t.teardown(() => underTest.close());
    const scene = new Scene(underTest);
    const context = (side: 'client' | 'server', identity: TestIdentity) =>
      scene.io.tlsContext({ side, ...identity, trustPem: trusted, requirePeerCertificate: true, alpn: [] });

    for (const [what, identity] of accepted) {
      for (const side of ['client', 'server'] as const) {
        const clientTls = context('client', side === 'client' ? identity : right);
        const serverTls = context('server', side === 'server' ? identity : right);
        const { near, far } = await scene.pair({ clientTls, serverTls });
        t.same(
          verifyPeer(side === 'client' ? far.peer : near.peer, mesh),
          { kind: 'accepted', uri },
          `${side}: ${what}`,
        );
        near.destroy(false);
      }
    }

    for (const [what, identity, reason] of refused) {
      for (const side of ['client', 'server'] as const) {
        const handlers = { client: new RecordingHandler(), server: new RecordingHandler() };
        const serverTls = context('server', side === 'server' ? identity : right);
        const { socket } = scene.listen((connection) => connection.startTls(serverTls, handlers.server));
        scene.connect(socket.address, handlers.client, context('client', side === 'client' ? identity : right));
        await scene.until(`${side}: ${what}: refused`, () => handlers.client.closed && handlers.server.closed);
        socket.close();
        const judge = handlers[side === 'client' ? 'server' : 'client'];
        t.same([judge.events, judge.error?.code], [['close'], 'tls'], `${side}: ${what}`);
        t.match(judge.error?.message, reason, `${side}: ${what}: says why`);
      }
    }
  });

  for (const [side, use] of [
    ['client', '1.3.6.1.5.5.7.3.1'],
    ['server', '1.3.6.1.5.5.7.3.2'],
  ] as const) {
    void t.test(`${engine}: a ${side} whose certificate is for the other side only is refused`, async (t) => {
      const underTest = makeIo();
      t.teardown(() => underTest.close());
      const scene = new Scene(underTest);
      const wrong = await root.leaf({ uris: [uri], extendedKeyUsage: [use] });
      const context = (of: 'client' | 'server') =>
        scene.io.tlsContext({
          side: of,
          ...(of === side ? wrong : right),
          trustPem: trusted,
          requirePeerCertificate: true,
          alpn: [],
        });
      const handlers = { client: new RecordingHandler(), server: new RecordingHandler() };
      const serverTls = context('server');
      const { socket } = scene.listen((connection) => connection.startTls(serverTls, handlers.server));
      scene.connect(socket.address, handlers.client, context('client'));
      await scene.until('refused', () => handlers.client.closed && handlers.server.closed);
      t.match(handlers[side === 'client' ? 'server' : 'client'].error, { code: 'tls', message: /purpose/i });
    });
  }
}
