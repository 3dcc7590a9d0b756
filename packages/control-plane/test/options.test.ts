import t from 'tap';
import { type ControlPlaneOptions, checkOptions } from '../src/options.js';

const options: ControlPlaneOptions = {
  config: ['/config'],
  state: '/state',
  ads: '127.0.0.1:15012',
  certificates: '[::1]:15013',
  admin: 'localhost:0',
  tokenIssuer: 'https://kubernetes.default.svc',
  tokenJwks: '/jwks.json',
};

t.test('what is not given has the usual value, and addresses are taken apart', async (t) => {
  t.match(checkOptions(options), {
    trustDomain: 'cluster.local',
    logLevel: 'info',
    svidTtlMs: 3600_000,
    ads: { host: '127.0.0.1', port: 15012 },
    certificates: { host: '::1', port: 15013 },
    admin: { host: 'localhost', port: 0 },
  });
});

const refused: [change: Partial<ControlPlaneOptions>, message: RegExp][] = [
  [{ config: [] }, /^--config: give at least one/],
  [{ config: ['a', ''] }, /^--config: must not be empty/],
  [{ state: '' }, /^--state: must not be empty/],
  [{ tokenIssuer: '' }, /^--token-issuer: must not be empty/],
  [{ ads: '15012' }, /^--ads: "15012" is not ADDRESS:PORT/],
  [{ ads: '::1:15012' }, /^--ads/],
  [{ admin: '127.0.0.1:70000' }, /^--admin/],
  [{ trustDomain: 'Cluster/local' }, /^--trust-domain/],
  [{ logLevel: 'loud' }, /^--log-level: "loud" is none of trace,/],
  [{ svidTtlMs: 10 }, /^certificates must live between/],
  [{ svidTtlMs: Number.NaN }, /^certificates must live between/],
];

for (const [change, message] of refused) {
  t.test(`${JSON.stringify(change)} is refused`, async (t) => {
    t.throws(() => checkOptions({ ...options, ...change }), { name: 'OptionsError', message });
  });
}
