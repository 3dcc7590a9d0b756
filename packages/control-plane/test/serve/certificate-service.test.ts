import { create } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import { SignCertificateRequestSchema } from '@tulle/xds/gen/tulle/identity/v1/certificate_pb';
import t from 'tap';
import type { CertificateAuthority } from '../../src/ca/open.js';
import { ReviewUnavailableError, type TokenReviewer } from '../../src/ca/tokens.js';
import type { Model, ModelPod } from '../../src/model/model.js';
import { createSignCertificate } from '../../src/serve/certificate-service.js';
import { MAX_CONCURRENT_SIGNINGS } from '../../src/serve/limits.js';
import { makeWorkload, uriNames } from '../ca/workload.js';

const own = 'spiffe://cluster.local/ns/default/sa/client';
const reviewed = { namespace: 'default', serviceAccount: 'client', pod: { name: 'client-1', uid: 'u' } };
const { csrDer } = await makeWorkload({ names: uriNames(own) });

function setUp(
  reviewer: TokenReviewer,
  issue: CertificateAuthority['issue'] = () => Promise.reject(new Error('disk')),
  pods: () => Pick<Model, 'findPod'> | undefined = () => undefined,
) {
  const logged: string[] = [];
  const counted: string[] = [];
  const write = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const authority = {
    trust: () => ({ trustDomain: 'cluster.local', rootsPem: '', generation: 1 }),
    renew: async () => false,
    issue,
  };
  const sign = createSignCertificate({
    authority,
    reviewer,
    pods,
    ttlMs: 1000,
    events: {
      streamOpened() {},
      streamClosed() {},
      pushed() {},
      answered() {},
      certificate: (result) => counted.push(result),
    },
    log: { info: write, warn: write, error: write },
  });
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer abc');
  const call = () => sign(create(SignCertificateRequestSchema, { csrDer }), metadata);
  return { call, logged, counted };
}

t.test('when tokens cannot be checked, the log says why and the caller does not hear it', async (t) => {
  const reviewer = { review: () => Promise.reject(new ReviewUnavailableError('/etc/keys.json: no key set')) };
  const { call, logged, counted } = setUp(reviewer);
  await t.rejects(call(), { code: status.UNAVAILABLE, details: /^tokens cannot be checked now/ });
  t.match(logged, [/\/etc\/keys\.json/]);
  t.same(counted, ['UNAVAILABLE']);
});

t.test('a fault of our own is internal, logged, and not told', async (t) => {
  const { call, logged } = setUp({ review: async () => reviewed });
  await t.rejects(call(), { code: status.INTERNAL, details: /the log of the control plane says why/ });
  t.match(logged, [/certificate not signed .*disk/]);
});

t.test('more at once than the bound are refused, and later ones are served again', async (t) => {
  const waiting: (() => void)[] = [];
  const reviewer = { review: () => new Promise<typeof reviewed>((resolve) => waiting.push(() => resolve(reviewed))) };
  const issued = { chainDer: [], notAfter: 0, serial: '1' };
  const { call } = setUp(reviewer, async () => issued);
  const running = Array.from({ length: MAX_CONCURRENT_SIGNINGS }, call);
  await t.rejects(call(), { code: status.RESOURCE_EXHAUSTED });
  for (const go of waiting.splice(0)) go();
  await Promise.all(running);
  const next = call();
  waiting[0]();
  await t.resolves(next);
});

t.test('the pod of a token must be there, with that service account', async (t) => {
  const issued = { chainDer: [], notAfter: 0, serial: '1' };
  const found = new Map<string, Partial<ModelPod>>();
  const findPod = (namespace: string, name: string) => found.get(`${namespace}/${name}`) as ModelPod | undefined;
  const { call } = setUp(
    { review: async () => reviewed },
    async () => issued,
    () => ({ findPod }),
  );
  await t.rejects(call(), {
    code: status.UNAVAILABLE,
    details: /pod default\/client-1 .*not in the configuration.*try again/,
  });
  found.set('default/client-1', { serviceAccount: 'other' });
  await t.rejects(call(), {
    code: status.PERMISSION_DENIED,
    details: /of service account client, the pod .* has other/,
  });
  found.set('default/client-1', { serviceAccount: 'client' });
  await t.resolves(call());
});
