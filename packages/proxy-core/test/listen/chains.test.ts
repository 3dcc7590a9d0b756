import t from 'tap';
import type { ChainMatchConfig, FilterChainConfig } from '../../src/config/config.js';
import { chainForAlpn, chainForBytes, findChains, indexChains } from '../../src/listen/chains.js';
import { compileAuthorization } from '../../src/policy/authorize.js';

const context = { key: 'k', release() {} };
const tls = { context, requireClientCertificate: true, expected: undefined };

function index(
  chains: Record<string, ChainMatchConfig & { protocol?: 'http' | 'tcp' | 'auto' }>,
): ReturnType<typeof indexChains> {
  const configs = Object.entries(chains).map(
    ([name, { protocol = 'http', ...match }]): FilterChainConfig => ({ name, match, protocol, authorization: [] }),
  );
  return indexChains(configs, ({ name, protocol, match }) => ({
    name,
    protocol,
    alpn: match.alpn,
    tls: match.transport === 'tls' ? tls : undefined,
    routes: undefined,
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
