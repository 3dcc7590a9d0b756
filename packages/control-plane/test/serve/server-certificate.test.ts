import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { openAuthority } from '../../src/ca/open.js';
import type { SetTimer } from '../../src/serve/events.js';
import { RENEW_RETRY_MS } from '../../src/serve/limits.js';
import { createServerCertificate } from '../../src/serve/server-certificate.js';

const HOUR = 3600_000;

async function setUp(stateDir: string) {
  let timer: { at: number; callback: () => void } | undefined;
  const setTimer: SetTimer = (ms, callback) => {
    const mine = { at: bench.now + ms, callback };
    timer = mine;
    return () => {
      if (timer === mine) timer = undefined;
    };
  };
  const bench = {
    now: Date.UTC(2026, 10, 24),
    failing: false,
    due: () => timer?.at,
    /** Goes to the next timer, and waits until what it started has set another. */
    async next() {
      const { at, callback } = timer!;
      timer = undefined;
      bench.now = at;
      callback();
      while (timer === undefined) await new Promise(setImmediate);
    },
  };
  const authority = await openAuthority({ stateDir, trustDomain: 'cluster.local', now: () => bench.now });
  const log = { info() {}, warn() {}, error() {} };
  const certificate = await createServerCertificate({
    authority: {
      ...authority,
      issue: (request) => (bench.failing ? Promise.reject(new Error('disk')) : authority.issue(request)),
    },
    ttlMs: HOUR,
    now: () => bench.now,
    setTimer,
    log,
  });
  const serial = () => new X509Certificate(String(certificate.mutual._getSecureContextOptions()?.cert)).serialNumber;
  return { bench, certificate, serial };
}

t.test('the certificate says who the control plane is', async (t) => {
  const { certificate } = await setUp(t.testdir());
  const leaf = new X509Certificate(String(certificate.serverAuth._getSecureContextOptions()?.cert));
  t.equal(
    leaf.subjectAltName,
    'URI:spiffe://cluster.local/ns/tulle-system/sa/control-plane, DNS:control-plane.tulle-system.svc',
  );
  t.match(certificate.mutual._getConstructorOptions(), { requestCert: true, rejectUnauthorized: true });
  t.match(certificate.serverAuth._getConstructorOptions(), { requestCert: false });
});

t.test('it is renewed when two thirds of its life have passed, again and again', async (t) => {
  const { bench, serial } = await setUp(t.testdir());
  const start = bench.now;
  const first = serial();
  await bench.next();
  t.equal(bench.now, start + (HOUR * 2) / 3);
  const second = serial();
  t.not(second, first);
  await bench.next();
  t.not(serial(), second);
});

t.test('a renewal that fails is tried again, and the old certificate serves meanwhile', async (t) => {
  const { bench, serial } = await setUp(t.testdir());
  const first = serial();
  bench.failing = true;
  await bench.next();
  t.equal(serial(), first);
  t.equal(bench.due(), bench.now + RENEW_RETRY_MS);
  bench.failing = false;
  await bench.next();
  t.not(serial(), first);
});

t.test('after it is closed nothing is due', async (t) => {
  const { bench, certificate } = await setUp(t.testdir());
  certificate.close();
  t.equal(bench.due(), undefined);
});
