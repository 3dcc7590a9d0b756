import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { type InterceptionOptions, runInterception } from '../src/run.js';
import { isUidMapped } from '../src/user-namespace.js';

const rules = '{"proxy": {"uid": 1337}, "exclude": {"outboundPorts": [25]}}';

t.test('render reads a file and prints nft text unless told otherwise', async (t) => {
  const file = join(t.testdir(), 'rules.json');
  writeFileSync(file, rules);
  t.match(await run({ action: 'render', rules: file }), {
    code: 0,
    out: /^table inet tulle\n[\s\S]*tcp dport 25 return/,
  });
  t.match(await run({ action: 'render', rules: file, format: 'iptables' }), {
    code: 0,
    out: /\*nat\n[\s\S]*--dport 25 /,
  });
});

t.test('render reads standard input and prints JSON that it would read again', async (t) => {
  const once = await run({ action: 'render', rules: '-', format: 'json' }, rules);
  t.match(once, { code: 0, err: '' });
  t.match(JSON.parse(once.out), { outboundPort: 15001, exclude: { outboundPorts: [25] } });
  t.same(await run({ action: 'render', rules: '-', format: 'json' }, once.out), once);
});

t.test('wrong rules are wrong use, one line a problem', async (t) => {
  const wrong = await run({ action: 'apply', rules: '-' }, '{"proxy": {"uid": 0}, "x": 1}');
  t.match(wrong, { code: 2, out: '' });
  t.match(wrong.err, /^-: x: is not a known key; .*\n-: proxy.uid: 0 would exempt .*\n$/);
});

t.test('no rules, no file, too long a file are wrong use', async (t) => {
  t.match(await run({ action: 'apply' }), { code: 2, err: /needs --rules/ });
  t.match(await run({ action: 'render', rules: '/nowhere/rules.json' }), { code: 2, err: /rules.json.*ENOENT/ });
  t.match(await run({ action: 'render', rules: '-' }, ' '.repeat(70_000)), { code: 2, err: /longer than 65536 bytes/ });
});

t.test('uids are looked up in every range of the map', async (t) => {
  const single = '         0       1000          1\n';
  t.ok(isUidMapped(single, 0));
  t.notOk(isUidMapped(single, 1337));
  t.ok(isUidMapped('0 0 4294967295\n', 1337));
  t.ok(isUidMapped('0 1000 1\n1 100000 65536\n', 1337));
  t.notOk(isUidMapped('0 1000 1\n1 100000 1336\n', 1337));
});

async function run(options: InterceptionOptions, input = ''): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runInterception({ ...options, stdin: Readable.from([Buffer.from(input)]), stdout, stderr });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}
