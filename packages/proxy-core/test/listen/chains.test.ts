import t from 'tap';
import type { ChainMatchConfig, FilterChainConfig } from '../../src/config/config.js';
import {
  chainForAlpn,
  chainForBytes,
  chainForHello,
  choosesByHello,
  findChains,
  indexChains,
  takesTls,
} from '../../src/listen/chains.js';
import { defaultPathOptions } from '../../src/message/path-options.js';
import { compileAuthorization } from '../../src/policy/authorize.js';

const context = { key: 'k', release() {} };
const tls = { context, requireClientCertificate: true, expected: undefined };

function index(
  chains: Record<string, ChainMatchConfig & { protocol?: 'http' | 'tcp' | 'auto'; passthrough?: boolean }>,
): ReturnType<typeof indexChains> {
  const configs = Object.entries(chains).map(
    ([name, { protocol = 'http', passthrough: _, ...match }]): FilterChainConfig => ({
      name,
      match,
      protocol,
      authorization: [],
    }),
  );
  return indexChains(configs, ({ name, protocol, match }) => ({
    name,
    protocol,
    filters: undefined,
    alpn: match.alpn,
    tls: match.transport === 'tls' && chains[name].passthrough !== true ? tls : undefined,
    routes: undefined,
    pathOptions: defaultPathOptions,
    tcp: undefined,
    authorization: compileAuthorization([]),
  }));
}

function names(found: ReturnType<typeof findChains>): string[] | undefined {
  return found && [...found.tls, ...found.plain].map(({ name }) => name);
}

void t.test('the most specific destination wins as a whole: address and port, port, the rest', async (t) => {
  const chains = index({
    rest: {},
    port: { port: 80 },
    address: { address: '10.0.0.1', port: 80 },
    six: { address: 'fd00::1', port: 80 },
    secure: { port: 80, transport: 'tls' },
  });
  t.same(
    names(findChains(chains, { host: '10.0.0.1', port: 80 })),
    ['address'],
    'TLS to it is not the business of the port chains',
  );
  t.same(names(findChains(chains, { host: 'fd00::1', port: 80 })), ['six']);
  t.same(names(findChains(chains, { host: '10.0.0.2', port: 80 })), ['secure', 'port']);
  t.same(names(findChains(chains, { host: '10.0.0.1', port: 81 })), ['rest']);
  t.equal(findChains(index({ port: { port: 80 } }), { host: '10.0.0.1', port: 81 }), undefined);
});

void t.test('ALPN chooses the chain that claims it, else the one that claims none', async (t) => {
  const chains = findChains(
    index({
      rest: { transport: 'tls', protocol: 'tcp' },
      http: { transport: 'tls', alpn: ['tulle-http/1.1'] },
    }),
    { host: '10.0.0.1', port: 1 },
  );
  if (chains === undefined) return t.fail();
  t.equal(chainForAlpn(chains, 'tulle-http/1.1')?.name, 'http');
  t.equal(chainForAlpn(chains, '')?.name, 'rest');
  t.equal(chainForAlpn({ ...chains, tls: chains.tls.slice(1) }, 'h2'), undefined);
});

void t.test('plain bytes go to the chain for their kind; auto is both', async (t) => {
  const set = (chains: Parameters<typeof index>[0]): NonNullable<ReturnType<typeof findChains>> =>
    findChains(index(chains), { host: '10.0.0.1', port: 1 })!;
  const both = set({ http: {}, tcp: { protocol: 'tcp' } });
  t.equal(chainForBytes(both, 'http')?.name, 'http');
  t.equal(chainForBytes(both, 'tcp')?.name, 'tcp');
  t.equal(chainForBytes(set({ http: {} }), 'tcp'), undefined);
  for (const kind of ['http', 'tcp'] as const)
    t.equal(chainForBytes(set({ auto: { protocol: 'auto' } }), kind)?.name, 'auto');
});

void t.test(
  'a ClientHello goes to the chain that claims a protocol of it, else to the one that claims none',
  async (t) => {
    const found = (chains: Parameters<typeof index>[0], ...offered: string[]): string | undefined => {
      const set = findChains(index(chains), { host: '10.0.0.1', port: 1 })!;
      t.ok(choosesByHello(set));
      return chainForHello(set, offered)?.name;
    };
    const own = { transport: 'tls', protocol: 'tcp', passthrough: true } as const;
    const mesh = { transport: 'tls', alpn: ['tulle-tcp'], protocol: 'tcp' } as const;
    t.equal(found({ own, mesh }, 'tulle-tcp'), 'mesh');
    t.equal(found({ own, mesh }, 'h2', 'tulle-tcp'), 'mesh');
    t.equal(found({ own, mesh }, 'h2'), 'own');
    t.equal(found({ own, mesh }), 'own');
    t.equal(found({ own: { ...own, alpn: ['h2'] }, mesh }, 'h2', 'tulle-tcp'), 'own', 'the client prefers it');
    t.equal(found({ own: { ...own, alpn: ['h2'] }, mesh }, 'http/1.1'), undefined);
    t.equal(found({ own, mesh: { ...mesh, alpn: undefined } }, 'h2'), 'mesh', 'who ends TLS comes first');
    t.equal(found({ any: { protocol: 'tcp' }, mesh }, 'h2'), 'any', 'a chain that TLS is not kept from');
    t.equal(found({ any: { protocol: 'auto' }, mesh }, 'h2'), 'any');
  },
);

void t.test('TLS is told apart only where that makes a difference', async (t) => {
  const set = (chains: Parameters<typeof index>[0]): NonNullable<ReturnType<typeof findChains>> =>
    findChains(index(chains), { host: '10.0.0.1', port: 1 })!;
  t.notOk(takesTls(set({ any: { protocol: 'tcp' } })));
  t.ok(takesTls(set({ own: { transport: 'tls', protocol: 'tcp', passthrough: true } })));
  t.notOk(choosesByHello(set({ own: { transport: 'tls', protocol: 'tcp', passthrough: true } })), 'it takes all');
  t.notOk(choosesByHello(set({ mesh: { transport: 'tls', alpn: ['x'] }, plain: { transport: 'plain' } })));
  t.notOk(choosesByHello(set({ mesh: { transport: 'tls', alpn: ['x'] }, http: {} })), 'HTTP is never a ClientHello');
});
