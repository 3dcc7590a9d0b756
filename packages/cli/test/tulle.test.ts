// The built program, as a person runs it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

function tulle(args: string[], env: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    // Without the coverage and loader options of the test runner: they print to standard error and load other files.
    const { PATH, HOME } = process.env;
    execFile(process.execPath, [program, ...args], { env: { PATH, HOME, ...env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

t.test('--version and --help succeed and go to standard output', async (t) => {
  t.match(await tulle(['--version']), { code: 0, out: /^tulle \d+\.\d+\.\d+\n$/, err: '' });
  const help = await tulle(['--help']);
  t.match(help, { code: 0, err: '' });
  for (const command of ['demo', 'check', 'testbed', 'proxy', 'bench', 'control-plane', 'sidecar', 'interception']) {
    t.match(help.out, new RegExp(`^  ${command} `, 'm'), command);
  }
});

const helps: [args: string[], mention: RegExp][] = [
  [['proxy'], /tulle proxy --listen 127\.0\.0\.1:8080 --to 127\.0\.0\.1:3000/],
  [['sidecar'], /--bootstrap/],
  [['control-plane'], /debug\/config/],
  [['interception'], /render --rules/],
  [['bench', 'load'], /when a request was due/],
  [['bench', 'serve'], /--body-bytes/],
  [['testbed'], /exec client -- curl/],
  [['testbed', 'exec'], /after --/],
  [['demo'], /--keep/],
  [['check'], /remedy/],
];
for (const [args, mention] of helps) {
  t.test(`tulle ${args.join(' ')} --help explains it with an example`, async (t) => {
    t.match(await tulle([...args, '--help']), { code: 0, out: mention, err: '' });
  });
}

const wrong: [args: string[], sentence: RegExp][] = [
  [[], /Usage: tulle/],
  [['prox'], /unknown command 'prox'\n\(Did you mean proxy\?\)/],
  [['bench', 'laod'], /unknown command 'laod'\n\(Did you mean load\?\)/],
  [['proxy'], /required option '--listen <addr:port>' not specified/],
  [['proxy', '--listen', 'x', '--to', ':1'], /ADDR:PORT, for example/],
  [['proxy', '--listen', ':1', '--to', ':1', '--listen-cert', 'x'], /belong together/],
  [['proxy', '--listen', ':1', '--to', ':1', '--allow-san', 'x'], /--allow-san needs/],
  [['proxy', '--listen', ':1', '--to', 'no-such-name.invalid:1'], /has no address/],
  [['proxy', '--listen', ':1', '--to', ':1', '--protocol', 'udp'], /Allowed choices are auto, http, tcp/],
  [['bench', 'load'], /required option '--url <url>'/],
  [['bench', 'load', '--url', 'http://x/', '--body-mode', 'chunked'], /needs --body-bytes/],
  [['bench', 'load', '--url', 'ftp://x/'], /only http/],
  [['testbed', 'up', '--name', 'Not A Name'], /lower-case letters/],
  [['testbed', 'exec'], /missing required argument 'pod'/],
  [['check', 'everything'], /too many arguments/],
];
for (const [args, sentence] of wrong) {
  t.test(`wrong use: tulle ${args.join(' ')}`, async (t) => {
    const { code, out, err } = await tulle(args);
    t.equal(code, 2);
    t.equal(out, '');
    t.match(err, sentence);
    t.notMatch(err, /\n {4}at /, 'no stack trace');
  });
}

t.test('a failure is one sentence; TULLE_DEBUG adds where it came from', async (t) => {
  const args = ['bench', 'serve', '--listen', '203.0.113.1:1'];
  const plain = await tulle(args);
  t.match(plain, { code: 1, err: /cannot listen on 203\.0\.113\.1:1 .*: check --listen/ });
  const wrongUse = await tulle(['testbed', 'up', '--name', 'X'], { TULLE_DEBUG: '1' });
  t.match(wrongUse, { code: 2, err: /\n {4}at / });
});

t.test('a command loads its own file and none of the others', async (t) => {
  const trace = `data:text/javascript,${encodeURIComponent(
    "import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent('export async function load(url, context, next) { process.stderr.write(url + String.fromCharCode(10)); return next(url, context); }'));",
  )}`;
  const { err } = await tulle(['sidecar', '--help'], { NODE_OPTIONS: `--import=${trace}` });
  t.match(err, /commands\/sidecar\.js/);
  t.notMatch(err, /commands\/(?!sidecar)|packages\/(bench|testbed|control-plane|injector|api)\//);
});

t.test('check tells what is here as JSON', async (t) => {
  const { code, out } = await tulle(['check', '-o', 'json', '--name', 'nobody-has-this']);
  const report = JSON.parse(out) as { ok: boolean; checks: { id: string; state: string }[] };
  t.equal(report.ok, code === 0);
  t.match(report.checks, [{ id: 'node', state: 'ok' }, { id: 'platform' }, { id: 'koffi' }]);
});
