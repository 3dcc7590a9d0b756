/** Certificates live for seconds and are renewed under load: no request notices. */
import t from 'tap';
import { load, lostNothing } from './load.js';
import { startMesh } from './mesh.js';
import { noNamespaces } from './possible.js';

t.setTimeout(120_000);

t.test('renewal of certificates', { skip: await noNamespaces() }, async (t) => {
  const mesh = await startMesh(t, 'renewal', { provider: 'netns', certificateLife: '6s' });
  const serials = new Set<string>();
  const note = async (): Promise<void> => {
    const { body } = await mesh.world.request('client', { url: 'http://127.0.0.1:15000/certs', direct: true });
    const [certificate] = JSON.parse(body) as { serialNumber: string }[];
    serials.add(certificate.serialNumber);
  };
  const loading = load(mesh, 14);
  for (let i = 0; i < 12; i++) {
    await note();
    await mesh.world.pause(1000);
  }
  lostNothing(t, await loading);
  t.ok(serials.size >= 3, 'the certificate was renewed at least twice under load', { serials: serials.size });
  t.comment(`${serials.size} certificates of 6 s each in 12 s`);
  const fresh = await mesh.world.request('client', { url: 'http://server/' });
  t.equal(fresh.status, 200, 'and new connections are made with the last');
});
