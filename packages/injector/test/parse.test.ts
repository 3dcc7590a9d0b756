import fc from 'fast-check';
import t from 'tap';
import { parseCidr } from '../src/rules/cidr.js';
import {
  InterceptionRulesError,
  interceptionRules,
  interceptionRulesJson,
  parseInterceptionRules,
  type RulesProblem,
} from '../src/rules/parse.js';
import { cidrText, rulesJson } from './arbitrary.js';

t.test('the least there can be gets the defaults of the field', async (t) => {
  t.same(interceptionRulesJson(parseInterceptionRules('{"proxy": {"uid": 1337}}')), {
    outboundPort: 15001,
    inboundPort: 15006,
    proxy: { uid: 1337 },
    sidecarPorts: { admin: 15000, metrics: 15020, health: 15021 },
    exclude: { inboundPorts: [], outboundPorts: [], outboundCidrs: [], uids: [] },
  });
});

t.test('lists are sorted and lose repetitions, addresses become networks', async (t) => {
  const { exclude } = interceptionRules({
    proxy: { mark: 1 },
    exclude: { inboundPorts: [9, 8, 9], outboundCidrs: ['FD00:0::/8', '192.0.2.7', 'fd00::/8'] },
  });
  t.same(exclude.inboundPorts, [8, 9]);
  t.same(
    exclude.outboundCidrs.map(({ text }) => text),
    ['fd00::/8', '192.0.2.7/32'],
  );
});

t.test('what was parsed is frozen through and through', async (t) => {
  const rules = interceptionRules({ proxy: { uid: 1337 }, exclude: { outboundCidrs: ['10.0.0.0/8'] } });
  const cidr = rules.exclude.outboundCidrs[0];
  const parts = [
    rules,
    rules.proxy,
    rules.sidecarPorts,
    rules.exclude,
    ...Object.values(rules.exclude),
    cidr,
    cidr.address,
  ];
  t.ok(parts.every(Object.isFrozen));
});

t.test('rules come back from their JSON', async (t) => {
  fc.assert(
    fc.property(rulesJson, (json) => {
      const rules = interceptionRules(json);
      t.same(parseInterceptionRules(JSON.stringify(interceptionRulesJson(rules))), rules);
    }),
  );
});

t.test('a network comes back from its text', async (t) => {
  fc.assert(
    fc.property(cidrText, (text) => {
      t.match(parseCidr(text), { text });
    }),
  );
});

const long = Array.from({ length: 65 }, (_, i) => i + 1);
const cases: readonly [
  name: string,
  json: unknown,
  ...problems: (readonly [place: string, message: RegExp, remedy: RegExp])[],
][] = [
  ['no object', [], ['rules', /a list, not an object/, /outboundPort/], ['proxy', /missing/, /"uid": 1337/]],
  ['no proxy', {}, ['proxy', /missing/, /"mark": 1337/]],
  ['an empty proxy', { proxy: {} }, ['proxy', /neither/, /"uid": 1337/]],
  ['root as proxy', { proxy: { uid: 0 } }, ['proxy.uid', /every process/, /1337/]],
  ['no mark as mark', { proxy: { mark: 0 } }, ['proxy.mark', /every socket/, /1337/]],
  ['a uid beyond 32 bits', { proxy: { uid: 2 ** 32 } }, ['proxy.uid', /4294967296/, /from 0 to 4294967294/]],
  [
    'two ports that are none',
    { proxy: { uid: 1 }, inboundPort: 0, outboundPort: -1 },
    ['outboundPort', /is -1/, /from 1/],
    ['inboundPort', /is 0/, /from 1/],
  ],
  ['a null', { proxy: { uid: 1 }, inboundPort: null }, ['inboundPort', /is null/, /65535/]],
  ['an unknown key', { proxy: { uid: 1 }, port: 1 }, ['port', /not a known key/, /outboundPort, inboundPort/]],
  [
    'an unknown key below',
    { proxy: { uid: 1, gid: 2 }, exclude: { ports: [] } },
    ['proxy.gid', /not a known key/, /uid, mark/],
    ['exclude.ports', /not a known key/, /inboundPorts/],
  ],
  ['one port for both', { proxy: { uid: 1 }, outboundPort: 15006 }, ['inboundPort', /15006/, /each direction/]],
  [
    'ports that are none',
    { proxy: { uid: 1 }, exclude: { inboundPorts: [80, '80', 0, 1.5, 65536] } },
    ['exclude.inboundPorts[1]', /a string, not a port/, /from 1 to 65535/],
    ['exclude.inboundPorts[2]', /is 0/, /from 1/],
    ['exclude.inboundPorts[3]', /is 1.5/, /whole/],
    ['exclude.inboundPorts[4]', /is 65536/, /to 65535/],
  ],
  [
    'a list that is none',
    { proxy: { uid: 1 }, exclude: { uids: 5 } },
    ['exclude.uids', /a number, not a list/, /bracket/],
  ],
  ['a long list', { proxy: { uid: 1 }, exclude: { uids: long } }, ['exclude.uids', /65 entries/, /at most 64/]],
  [
    'networks that are none',
    {
      proxy: { uid: 1 },
      exclude: { outboundCidrs: ['10.0.0.0/33', '10.1.0.0/8', 'x', 7, '::/0', '::ffff:10.0.0.0/104'] },
    },
    ['exclude.outboundCidrs[0]', /1 to 32/, /10.0.0.0\/8/],
    ['exclude.outboundCidrs[1]', /behind its prefix/, /write 10.0.0.0\/8/],
    ['exclude.outboundCidrs[2]', /not an IP network/, /fd00::\/8/],
    ['exclude.outboundCidrs[3]', /a number/, /quotes/],
    ['exclude.outboundCidrs[4]', /every address/, /tulle.dev\/inject: disabled/],
    ['exclude.outboundCidrs[5]', /IPv4 network/, /write 10.0.0.0\/8/],
  ],
  ['a sidecar port', { proxy: { uid: 1 }, sidecarPorts: { health: -1 } }, ['sidecarPorts.health', /-1/, /from 1/]],
];

for (const [name, json, ...problems] of cases) {
  t.test(`refused, with place and remedy: ${name}`, async (t) => {
    t.match(
      problemsOf(() => interceptionRules(json)),
      problems.map(([place, message, remedy]) => ({ place, message, remedy })),
    );
    t.equal(problemsOf(() => interceptionRules(json)).length, problems.length);
  });
}

t.test('a syntax error has its line and column', async (t) => {
  const [problem] = problemsOf(() => parseInterceptionRules('{\n  "proxy": {"uid": 1337,}\n}'));
  t.equal(problem.place, 'line 2 column 25');
  t.match(problemsOf(() => parseInterceptionRules('{\n "a": 1'))[0].place, /^line 2 column 8$/);
  t.match(problemsOf(() => parseInterceptionRules(''))[0], { place: 'line 1 column 1', remedy: /one JSON object/ });
});

t.test('IPv6 texts follow RFC 5952', async (t) => {
  const pairs = {
    '2001:0DB8:0:0:1::1': '2001:db8::1:0:0:1/128',
    '1:0:2:3:4:5:6:7': '1:0:2:3:4:5:6:7/128',
    '64:ff9b::192.0.2.1': '64:ff9b::c000:201/128',
    '1:2:3:4:5:6:1.2.3.4': '1:2:3:4:5:6:102:304/128',
    '::1': '::1/128',
    '1::': '1::/128',
  };
  for (const [given, text] of Object.entries(pairs)) t.match(parseCidr(given), { text });
  t.match(parseCidr('fe80::1%eth0'), { message: /not an IP network/ });
});

function problemsOf(call: () => unknown): readonly RulesProblem[] {
  try {
    call();
  } catch (error) {
    if (error instanceof InterceptionRulesError) return error.problems;
    throw error;
  }
  throw new Error('nothing was refused');
}
