import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Identity } from '../../src/identity/credentials.js';
import { StateDirError } from '../../src/state/durable-file.js';
import { StateDir } from '../../src/state/state-dir.js';
import { ResourceStore } from '../../src/xds/resource-store.js';
import { settle, TestOutside } from '../clock.js';
import { makeAuthority } from '../identity/authority.js';
import * as envoy from '../translate/resources-of-envoy.js';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/client';
const authority = await makeAuthority();
const { certPem, keyPem } = await authority.issue([{ type: 'url', value: spiffeId }]);
const other = await authority.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/default/sa/other' }]);

class RealNow extends TestOutside {
  override readonly now = (): number => Date.now();
}

async function open(path: string, node = 'sidecar~1') {
  const outside = new RealNow();
  return { outside, state: await StateDir.open({ path, spiffeId, node, outside }) };
}

function identity(change: Partial<Identity> = {}): Identity {
  const { certPem: certificateChainPem, keyPem: privateKeyPem } = { certPem, keyPem };
  return {
    spiffeId,
    certificateChainPem,
    privateKeyPem,
    trustPem: authority.rootPem,
    issuedAtMs: 1,
    notAfterMs: 2,
    ...change,
  };
}

function resources(): ResourceStore {
  const store = new ResourceStore();
  store.accept('cds', 'c1', [envoy.edsCluster('a')]);
  return store;
}

t.test('what is saved is there for the next, and for its owner alone', async (t) => {
  const path = join(t.testdir(), 'new', 'state');
  const { state } = await open(path);
  t.same([await state.identity(), await state.resources()], [undefined, undefined]);
  await state.saveIdentity(identity());
  state.saveResources(() => resources().save());
  await state.close();
  t.equal(statSync(path).mode & 0o777, 0o700);
  t.same(readdirSync(path).sort(), ['identity.json', 'resources.json'], 'no file half written');
  for (const file of readdirSync(path)) t.equal(statSync(join(path, file)).mode & 0o777, 0o600, file);
  const next = await open(path);
  t.match(await next.state.identity(), {
    spiffeId,
    certificateChainPem: certPem,
    privateKeyPem: keyPem,
    issuedAtMs: 1,
  });
  t.ok((await next.state.identity())!.notAfterMs > Date.now(), 'the end is that of the certificate');
  t.same(await next.state.resources(), resources().save());
  t.same(next.outside.lines, []);
});

t.test('a file that is of no use is told and left alone; nothing of it is quoted', async (t) => {
  const whole = (change: Partial<Identity>) => JSON.stringify({ version: 1, ...identity(change) });
  const cases: [text: string, reason: RegExp][] = [
    ['', /is empty/],
    [whole({}).slice(0, -20), /is not whole/],
    ['[]', /is no object/],
    [whole({}).replace('"version":1', '"version":9'), /has version 9, this program knows 1/],
    ['{"version":1}', /has no spiffeId/],
    [whole({ privateKeyPem: other.keyPem }), /of another key/],
    [whole({ privateKeyPem: 'x' }), /cannot be read/],
    [
      whole({ certificateChainPem: other.certPem, privateKeyPem: other.keyPem }),
      /is of spiffe:.*sa\/other, not of .*sa\/client/,
    ],
  ];
  for (const [text, reason] of cases) {
    const path = join(t.testdir(), 'state');
    const { state, outside } = await open(path);
    writeFileSync(join(path, 'identity.json'), text);
    t.equal(await state.identity(), undefined);
    t.match(outside.lines, [reason]);
    t.notMatch(outside.lines.join(), /PRIVATE/);
  }
});

t.test('resources of another pod, or broken ones, are not taken', async (t) => {
  const path = join(t.testdir(), 'state');
  const { state } = await open(path);
  state.saveResources(() => resources().save());
  await state.close();
  const stranger = await open(path, 'sidecar~2');
  t.equal(await stranger.state.resources(), undefined);
  t.match(stranger.outside.lines, [/is of another pod/]);
  const file = join(path, 'resources.json');
  const text = readFileSync(file, 'utf8');
  for (const [broken, reason] of [
    [text.slice(0, 50), /not whole/],
    [text.replace('"lds"', '"xds"'), /has no lds/],
    [text.replace(/"value":"[^"]*"/, '"value":1'), /broken resource of cds/],
  ] as const) {
    writeFileSync(file, broken);
    const { state, outside } = await open(path);
    t.equal(await state.resources(), undefined);
    t.match(outside.lines, [reason]);
  }
});

t.test('a directory that lets others in is closed to them', async (t) => {
  const path = join(t.testdir(), 'state');
  mkdirSync(path);
  chmodSync(path, 0o755);
  await open(path);
  t.equal(statSync(path).mode & 0o777, 0o700);
});

t.test('a file in place of the directory is refused with a way on', async (t) => {
  const path = join(t.testdir({ file: 'x' }), 'file');
  await t.rejects(open(path), { constructor: StateDirError, message: /stateDir .*: .*Give a directory/ });
});

t.test('many changes are written once in a while, the last of them for sure', async (t) => {
  const path = join(t.testdir(), 'state');
  const { state, outside } = await open(path);
  let asked = 0;
  for (let i = 0; i < 5; i++) {
    state.saveResources(() => {
      asked++;
      return resources().save();
    });
  }
  t.equal(asked, 0, 'not at once');
  await outside.pass(0);
  await settle();
  await state.close();
  t.equal(asked, 1);
  t.ok(statSync(join(path, 'resources.json')).size > 0);
});

t.test('a disk that fails is told, and stops nothing', async (t) => {
  const path = join(t.testdir(), 'state');
  const { state, outside } = await open(path);
  mkdirSync(join(path, 'identity.json'));
  await state.saveIdentity(identity());
  t.match(outside.lines, [/error state could not be saved .*remedy/]);
  t.same(readdirSync(path), ['identity.json']);
});

t.test('an identity whose certificate has ended is given all the same', async (t) => {
  const { certPem, keyPem } = await authority.issue([{ type: 'url', value: spiffeId }], -1000);
  const { state } = await open(t.testdir());
  await state.saveIdentity(identity({ certificateChainPem: certPem, privateKeyPem: keyPem }));
  const { notAfterMs } = (await state.identity())!;
  t.ok(notAfterMs < Date.now(), 'and says when it ended');
});
