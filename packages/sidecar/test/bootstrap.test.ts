import t from 'tap';
import { BootstrapError, parseBootstrap } from '../src/bootstrap.js';

const good = {
  node: { pod: 'client', namespace: 'default', serviceAccount: 'client', podIp: '10.244.0.5' },
  trustDomain: 'cluster.local',
  controlPlane: {
    ads: '10.244.0.2:15012',
    certificates: '10.244.0.2:15013',
    serverName: 'control-plane.tulle-system.svc',
    rootCaFile: '/abs/root-cert.pem',
  },
  tokenFile: '/abs/token',
  stateDir: '/abs/dir',
  interception: 'redirect',
  socketMark: null,
  engine: 'auto',
  concurrency: 1,
  accessLog: '/abs/access.log',
  admin: '127.0.0.1:15000',
  health: '0.0.0.0:15021',
  metrics: '0.0.0.0:15020',
  outboundProxy: null,
};

function mistakes(change: object): string[] {
  try {
    parseBootstrap(JSON.stringify({ ...good, ...change }), 'b.json');
    return [];
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return error.message.split('\n');
  }
}

t.test('a good one is taken', async (t) => {
  t.matchOnly(parseBootstrap(JSON.stringify(good), 'b.json'), {
    ...good,
    socketMark: undefined,
    outboundProxy: undefined,
    admin: { host: '127.0.0.1', port: 15000 },
    health: { host: '0.0.0.0', port: 15021 },
    metrics: { host: '0.0.0.0', port: 15020 },
  });
});

t.test('each mistake is told with its place and what is right', async (t) => {
  const cases: [change: object, expected: RegExp][] = [
    [{ extra: 1 }, /^b.json: extra: is not known; known here are node, controlPlane, trustDomain/],
    [{ node: { ...good.node, pod: 'A' } }, /node.pod: must be a name .*; not "A"/],
    [{ node: { ...good.node, podIp: 'x' } }, /node.podIp: must be an IP address/],
    [{ node: { ...good.node, uid: 1 } }, /node.uid: is not known/],
    [{ node: [] }, /node: must be an object/],
    [{ trustDomain: 'Cluster' }, /trustDomain: must be a trust domain/],
    [{ controlPlane: { ...good.controlPlane, ads: 'x' } }, /controlPlane.ads: must be "host:port"; not "x"/],
    [{ controlPlane: { ...good.controlPlane, rootCaFile: 'rel' } }, /rootCaFile: must be an absolute path/],
    [{ tokenFile: undefined }, /tokenFile: must be an absolute path; it is missing/],
    [{ interception: 'maybe' }, /interception: must be one of "redirect", "none"/],
    [{ interception: 'none' }, /outboundProxy: must be an "address:port" with interception "none"/],
    [{ socketMark: 0 }, /socketMark: must be a whole number from 1/],
    [{ engine: 'fast' }, /engine: must be one of "auto", "linux", "portable"/],
    [{ concurrency: 0 }, /concurrency: must be a whole number from 1 to 64; not 0/],
    [{ accessLog: 'rel' }, /accessLog: must be an absolute path, "-" or "off"/],
    [{ admin: 'localhost' }, /admin: must be "address:port"/],
  ];
  for (const [change, expected] of cases) t.match(mistakes(change), [expected], JSON.stringify(change));
});

t.test('all mistakes are told at once', async (t) => {
  t.equal(mistakes({ engine: 1, concurrency: 'x', extra: true }).length, 3);
});

t.test('what is not JSON is told so', async (t) => {
  t.throws(() => parseBootstrap('{', 'b.json'), { message: /^b.json: is not JSON/ });
  t.throws(() => parseBootstrap('[]', 'b.json'), { message: /the bootstrap: must be an object/ });
});
