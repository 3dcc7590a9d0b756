import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { EngineName, FilterChainConfig, ProxyConfig } from '@tulle/proxy-core';
import { createAuthority } from '@tulle/testkit';
import t, { type Test } from 'tap';
import { cluster, config, exchangeBytes, onEveryEngine, type Started, start, tcpServer } from './fixture.js';

const authority = await createAuthority();
const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/one');
const greeting = '220 ready\r\n';

/** Plain and TLS on one port, towards a server that speaks first. */
async function permissive(
  t: Test,
  engine: EngineName,
  protocol: FilterChainConfig['protocol'],
  limits: ProxyConfig['limits'] = {},
): Promise<Started & { readonly dialled: () => number }> {
  let dialled = 0;
  const app = await tcpServer(t, (socket) => {
    dialled++;
    socket.write(greeting);
    socket.on('end', () => socket.end());
  });
  const it = config({ direction: 'inbound', clusters: [cluster('app', [app])], chain: { protocol }, limits });
  const [main] = it.listeners;
  const [plain] = main.chains;
  const mesh: FilterChainConfig = {
    ...plain,
    name: 'mesh',
    protocol: 'tcp',
    match: { transport: 'tls', alpn: ['tulle-tcp'] },
    tls: { identity: 'identity', clientTrust: 'trust', requireClientCertificate: true },
  };
  const { certificateChainPem, privateKeyPem } = identity;
  const started = await start(t, engine, {
    ...it,
    listeners: [{ ...main, chains: [mesh, { ...plain, match: { transport: 'plain' } }] }],
    identities: [{ name: 'identity', certificateChainPem, privateKeyPem }],
    trust: [{ name: 'trust', caPem: authority.rootPem, trustDomain: 'cluster.local' }],
  });
  return { ...started, dialled: () => dialled };
}

async function greetedOverTls(socket: net.Socket): Promise<string> {
  const secure = tls.connect({
    socket,
    cert: identity.certificateChainPem,
    key: identity.privateKeyPem,
    ca: authority.rootPem,
    ALPNProtocols: ['tulle-tcp'],
    checkServerIdentity: () => undefined,
  });
  const [heard] = (await once(secure, 'data')) as [Buffer];
  secure.destroy();
  return String(heard);
}

onEveryEngine(t, 'a ClientHello that is late finds no greeting of the server in plain text', async (t, engine) => {
  for (const protocol of ['tcp', 'auto'] as const) {
    const { port, dialled } = await permissive(t, engine, protocol, { tlsDetectDelayMs: 60_000 });
    const socket = net.connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    // Six times as late as silence may last where nothing but plain text is served.
    await new Promise((resolve) => setTimeout(resolve, 30));
    t.equal(dialled(), 0, 'the server is not even dialled');
    t.equal(socket.readableLength, 0);
    t.equal(await greetedOverTls(socket), greeting, protocol);
  }
});

onEveryEngine(t, 'beside TLS, a server that speaks first is heard after the longer delay', async (t, engine) => {
  for (const protocol of ['tcp', 'auto'] as const) {
    const { port } = await permissive(t, engine, protocol, { tlsDetectDelayMs: 20 });
    t.equal(await exchangeBytes(port, '', false, greeting.length), greeting, protocol);
  }
});

onEveryEngine(
  t,
  'the first byte of a ClientHello ends the wait for the server, however late the rest is',
  async (t, engine) => {
    // The byte must have come before the delay is over, also on a busy machine.
    const limits = { tlsDetectDelayMs: 800, headTimeoutMs: 2_000 };
    const { port, logged, dialled } = await permissive(t, engine, 'auto', limits);
    t.equal(await exchangeBytes(port, '\u0016\u0003\u0001').catch(() => ''), '', 'closed without a word');
    t.match((await logged(1))[0], { reason: 'head-timeout' });
    t.equal(dialled(), 0);
  },
);
