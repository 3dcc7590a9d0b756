/** Certificates live for seconds and are renewed under load: no request notices. */
import t from 'tap';
import { load, lostNothing } from './load.js';
import { startMesh } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(240_000);

/** Renewed when two thirds have passed, so a machine may stand still for a third of it, five seconds, until a certificate is missed. */
const lifeSeconds = 15;
/** Two renewals, and some. */
const loadSeconds = 24;

t.test('renewal of certificates', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'renewal', { provider: 'netns', certificateLife: `${lifeSeconds}s` });
  const serials = new Set<string>();
  const note = async (): Promise<void> => {
    const { body } = await mesh.world.request('client', { url: 'http://127.0.0.1:15000/certs', direct: true });
    const [certificate] = JSON.parse(body) as { serialNumber: string }[];
    serials.add(certificate.serialNumber);
  };
  let isLoading = true;
  const loading = load(mesh, loadSeconds).finally(() => {
    isLoading = false;
  });
  loading.catch(() => {});
  while (isLoading) {
    await note();
    await mesh.world.pause(500);
  }
  lostNothing(t, await loading);
  t.ok(serials.size >= 3, 'the certificate was renewed at least twice under load', { serials: serials.size });
  t.comment(`${serials.size} certificates of ${lifeSeconds} s each in ${loadSeconds} s`);
  const fresh = await mesh.world.request('client', { url: 'http://server/' });
  t.equal(fresh.status, 200, 'and new connections are made with the last');
});
