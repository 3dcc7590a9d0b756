import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ROOT_TTL_MS } from '../../src/ca/limits.js';
import { openAuthority } from '../../src/ca/open.js';

const trustDomain = 'cluster.local';

t.test('the authority survives a restart with the same root', async (t) => {
  const stateDir = join(t.testdir(), 'not', 'made', 'yet');
  const first = await openAuthority({ stateDir, trustDomain });
  const second = await openAuthority({ stateDir, trustDomain });
  t.same(second.trust(), first.trust());
  t.equal(readFileSync(join(stateDir, 'root-cert.pem'), 'utf8'), first.trust().rootsPem);
  t.equal(statSync(join(stateDir, 'ca.json')).mode & 0o777, 0o600);
  t.notMatch(readFileSync(join(stateDir, 'root-cert.pem'), 'utf8'), /PRIVATE/);
  t.same(readdirSync(stateDir).sort(), ['ca.json', 'root-cert.pem'], 'nothing else is left');
});

t.test('two that open an empty directory at once agree on one root', async (t) => {
  const options = { stateDir: t.testdir(), trustDomain };
  const [a, b] = await Promise.all([openAuthority(options), openAuthority(options)]);
  t.same(a.trust(), b.trust());
});

t.test('nobody else may look into the directory, whoever made it', async (t) => {
  const modeOf = (path: string) => statSync(path).mode & 0o777;
  const made = join(t.testdir(), 'made');
  await openAuthority({ stateDir: made, trustDomain });
  t.equal(modeOf(made), 0o700);
  chmodSync(made, 0o755);
  await openAuthority({ stateDir: made, trustDomain });
  t.equal(modeOf(made), 0o700);
});

t.test('a key file whose rights are too wide is narrowed', async (t) => {
  const stateDir = t.testdir();
  await openAuthority({ stateDir, trustDomain });
  chmodSync(join(stateDir, 'ca.json'), 0o644);
  await openAuthority({ stateDir, trustDomain });
  t.equal(statSync(join(stateDir, 'ca.json')).mode & 0o777, 0o600);
});

t.test('renewal is kept on disk and raises the generation', async (t) => {
  const stateDir = t.testdir();
  let time = Date.UTC(2026, 0, 1);
  const now = () => time;
  const authority = await openAuthority({ stateDir, trustDomain, now });
  t.notOk(await authority.renew());
  time += ROOT_TTL_MS - 1000;
  t.ok(await authority.renew());
  t.equal(authority.trust().generation, 2);
  t.equal(authority.trust().rootsPem.match(/BEGIN/g)?.length, 2);
  t.same((await openAuthority({ stateDir, trustDomain, now })).trust(), authority.trust());
  t.equal(readFileSync(join(stateDir, 'root-cert.pem'), 'utf8'), authority.trust().rootsPem);
});

t.test('damaged state is refused, with the file, the reason and a remedy, and without the key', async (t) => {
  const stateDir = t.testdir();
  const file = join(stateDir, 'ca.json');
  await openAuthority({ stateDir, trustDomain });
  const whole = readFileSync(file, 'utf8');
  const otherDir = t.testdir({ other: {} });
  await openAuthority({ stateDir: join(otherDir, 'other'), trustDomain });
  const swapped = JSON.parse(readFileSync(join(otherDir, 'other', 'ca.json'), 'utf8'));
  swapped.roots[0].privateKeyPem = JSON.parse(whole).roots[0].privateKeyPem;
  const cases: [text: string, message: RegExp][] = [
    ['', /is empty\. Restore it from a backup; or delete it/],
    [whole.slice(0, whole.length / 2), /is not whole\. Restore/],
    ['{}', /has not the expected fields/],
    [whole.replace('"roots": [', '"roots": [{},'), /has not the expected fields/],
    [whole.replace('"version": 1', '"version": 7'), /has version 7, this program knows 1/],
    [JSON.stringify(swapped), /number 1\) whose key and certificate do not belong together/],
  ];
  mkdirSync(stateDir, { recursive: true });
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    const error = await openAuthority({ stateDir, trustDomain }).then(
      () => undefined,
      (error: Error) => error,
    );
    t.match(error, { name: 'StateError', message });
    t.ok(error?.message.startsWith(file));
    t.notMatch(error?.message, /PRIVATE KEY|MIG/);
    t.equal(readFileSync(file, 'utf8'), text, 'and left as it is');
  }
});

t.test('the state of another trust domain is refused, and both ways on are named', async (t) => {
  const stateDir = t.testdir();
  await openAuthority({ stateDir, trustDomain: 'one.example' });
  const message = /is of the trust domain one\.example.*--trust-domain one\.example, or another --state/;
  await t.rejects(openAuthority({ stateDir, trustDomain: 'two.example' }), { name: 'StateError', message });
  await t.rejects(openAuthority({ stateDir, trustDomain: 'a/b' }), { message: /"a\/b" is no trust domain/ });
});

t.test('a directory that cannot be used is named, with a remedy', async (t) => {
  const dir = t.testdir({ file: '' });
  const stateDir = join(dir, 'file', 'state');
  await t.rejects(openAuthority({ stateDir, trustDomain }), {
    name: 'StateError',
    message: /Give --state a directory/,
  });
});
