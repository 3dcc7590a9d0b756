import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import t from 'tap';
import { PodAddresses } from '../src/cluster/addresses.js';
import { containerEnv, machineEnv, withoutProxies } from '../src/cluster/container-env.js';
import { createTokenSigner, tokenAudience, tokenIssuer } from '../src/cluster/tokens.js';
import { enterPod, enterTestbed, unshareKeeper } from '../src/netns/enter.js';
import { pcapHeader, pcapPacket } from '../src/netns/pcap.js';
import { interceptionRules } from '../src/netns/provider.js';
import { belowClosedFolders } from '../src/netns/proxy-view.js';
import { statFields } from '../src/programs/identity.js';
import { parseListening } from '../src/programs/listening.js';
import { containerLog, podPaths, statePaths } from '../src/state/state-dir.js';
import { pod } from './suite/cluster-fixture.js';

t.test('a token says what a Kubernetes token says, and its key is in the published set', async (t) => {
  const signer = await createTokenSigner();
  const jwks = JSON.parse(signer.jwks);
  t.equal(jwks.keys[0].d, undefined, 'the private half is not published');
  t.doesNotThrow(() => createPublicKey({ key: jwks.keys[0], format: 'jwk' }));
  const now = Math.floor(Date.now() / 1000);
  const token = await signer.sign({ namespace: 'team', serviceAccount: 'web', pod: 'web-1', podUid: 'u-1' }, now);
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), { issuer: tokenIssuer, audience: tokenAudience });
  t.equal(decodeProtectedHeader(token).alg, 'ES256');
  t.match(payload, {
    sub: 'system:serviceaccount:team:web',
    aud: ['tulle-ca'],
    iat: now,
    exp: now + 3600,
    'kubernetes.io': { namespace: 'team', serviceaccount: { name: 'web' }, pod: { name: 'web-1', uid: 'u-1' } },
  });
});

t.test('a pod keeps its address, and no address ends in .0 or .255', async (t) => {
  const addresses = new PodAddresses();
  t.equal(addresses.addressOf('default/a'), '10.244.0.5');
  t.equal(addresses.addressOf('default/b'), '10.244.0.6');
  t.equal(addresses.addressOf('default/a'), '10.244.0.5');
  const all = Array.from({ length: 600 }, (_, i) => addresses.addressOf(`many/${i}`));
  t.equal(new Set(all).size, 600);
  t.notOk(all.some((ip) => /\.(0|255)$/.test(ip)));
});

t.test('a container has the declared variables, the fields of its pod and little else', async (t) => {
  const declared = pod({
    name: 'web',
    env: [
      { name: 'PORT', value: '8080' },
      { name: 'HOST', value: { fieldPath: 'status.podIP' } },
      { name: 'ME', value: { fieldPath: 'metadata.name' } },
    ],
  });
  const base = machineEnv({ HOME: '/home/x', PATH: '/bin', AWS_SECRET: 's', http_proxy: 'p' }, '/opt/node/bin');
  t.same(containerEnv(declared, declared.containers[0], '10.244.0.5', base), {
    HOME: '/home/x',
    PATH: '/opt/node/bin:/bin',
    HOSTNAME: 'web',
    PORT: '8080',
    HOST: '10.244.0.5',
    ME: 'web',
  });
  t.same(withoutProxies({ HTTPS_PROXY: 'x', no_proxy: 'y', all_proxy: 'z', A: 'b' }), { A: 'b' });
});

t.test('state lies where it was asked for, and a name that is no label is refused', async (t) => {
  t.equal(statePaths('a', { TULLE_HOME: '/t' }).root, '/t/testbeds/a');
  t.equal(statePaths('a', { XDG_STATE_HOME: '/x' }).root, '/x/tulle/testbeds/a');
  t.match(statePaths('a', {}).root, /\.local\/state\/tulle\/testbeds\/a$/);
  for (const name of ['', '-a', 'A', 'a/b', '..', 'a'.repeat(33)])
    t.throws(() => statePaths(name, {}), /lower-case/, name);
  const short = statePaths('a', { TULLE_HOME: '/t' });
  t.equal(short.socket, '/t/testbeds/a/keeper.sock');
  const long = statePaths('a', { TULLE_HOME: `/${'x'.repeat(100)}` });
  t.ok(long.socket.length <= 100, 'a socket path that would not fit lies elsewhere');
  t.equal(containerLog(podPaths(short, 'ns', 'p'), 'main'), '/t/testbeds/a/pods/ns_p/app-main.log');
});

t.test('listening ports are read from the kernel: on the address, the wildcard, and IPv6 wildcards', async (t) => {
  const text = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0500F40A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
    '   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
    '   2: 0100007F:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
    '   3: 0500F40A:0052 0600F40A:0050 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
  ].join('\n');
  t.same(parseListening(text, '10.244.0.5'), [8080, 80]);
  const six =
    'head\n   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1 1';
  t.same(parseListening(six, '10.244.0.5'), [8081]);
});

t.test('the fields of a process are found behind a name with spaces and parentheses', async (t) => {
  t.same(statFields('12 (a ) (b) S 1 2').slice(0, 2), ['S', '1']);
});

t.test(
  'a program enters a pod as the application or as the proxy, with the right to read only where it needs it',
  async (t) => {
    const entered = enterPod(7, '/w', { kind: 'application' }, ['curl', 'x']).join(' ');
    t.match(entered, /^nsenter --target 7 --mount --net --uts --root --wd -- sh -c .* sh \/w curl x$/);
    t.notMatch(enterPod(7, '/w', { kind: 'application' }, ['curl']).join(' '), 'setpriv');
    t.match(
      enterPod(7, '/w', { kind: 'proxy', readAll: false }, ['node']).join(' '),
      '--reuid 1337 --regid 1337 --clear-groups -- sh',
    );
    t.match(enterPod(7, '/w', { kind: 'proxy', readAll: true }, ['node']).join(' '), '--ambient-caps +dac_read_search');
    t.match(enterTestbed(9, true, ['x']).join(' '), '--user --preserve-credentials');
    t.notMatch(enterTestbed(9, false, ['x']).join(' '), '--user');
    t.ok(unshareKeeper(true).includes('--map-root-user'));
  },
);

t.test(
  'redirect rules tell the proxy by its user, or by its mark where there is one user, with the control plane left out',
  async (t) => {
    const declared = {
      ...pod({ name: 'a' }),
      exclude: { inboundPorts: [1], outboundPorts: [2], outboundCidrs: ['192.0.2.0/24'] },
    };
    t.same(interceptionRules(declared, false), {
      proxy: { uid: 1337 },
      exclude: { inboundPorts: [1], outboundPorts: [2], outboundCidrs: ['192.0.2.0/24'] },
    });
    t.same(interceptionRules(declared, true), {
      proxy: { mark: 1337 },
      exclude: { inboundPorts: [1], outboundPorts: [2], outboundCidrs: ['192.0.2.0/24', '10.244.0.2/32'] },
    });
  },
);

t.test('a capture is a pcap file', async (t) => {
  t.equal(pcapHeader().readUInt32LE(0), 0xa1b2c3d4);
  const record = pcapPacket(Buffer.from('abc'), 1_700_000_000_123);
  t.equal(record.readUInt32LE(0), 1_700_000_000);
  t.equal(record.readUInt32LE(4), 123_000);
  t.equal(record.readUInt32LE(8), 3);
  t.equal(record.subarray(16).toString(), 'abc');
});

t.test('what must be shown elsewhere lies right below a closed folder, the first holds the most', async (t) => {
  const closed = new Set(['/root', '/root/a/b']);
  const passable = (folder: string) => !closed.has(folder);
  t.same(belowClosedFolders('/root/a/b/c/main.js', passable), ['/root/a', '/root/a/b/c']);
  t.same(belowClosedFolders('/usr/bin/node', passable), []);
});
