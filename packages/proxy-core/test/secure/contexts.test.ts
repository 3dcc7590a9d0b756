import t from 'tap';
import type { TlsContextOptions } from '../../src/io/io.js';
import { Contexts } from '../../src/secure/contexts.js';

const trust = [{ name: 'trust', caPem: 'ca', trustDomain: undefined }];
const secrets = (certificate: string): Parameters<Contexts['begin']>[0] => ({
  identities: [{ name: 'me', certificateChainPem: certificate, privateKeyPem: 'key' }],
  trust,
});
const client = { identity: 'me', trust: 'trust', alpn: [] };

/** Contexts over an io that knows which of them live. */
function scene(): { contexts: Contexts; live: string[] } {
  const live: string[] = [];
  const contexts = new Contexts({
    tlsContext: ({ certificateChainPem = '' }: TlsContextOptions) => {
      live.push(certificateChainPem);
      return { key: certificateChainPem, release: () => void live.splice(live.indexOf(certificateChainPem), 1) };
    },
  });
  return { contexts, live };
}

void t.test('equal settings share a context, changed ones are another, unused ones are released', async (t) => {
  const { contexts, live } = scene();
  contexts.begin(secrets('one'));
  t.equal(contexts.client(client).context, contexts.client(client).context);
  contexts.commit();
  contexts.begin(secrets('one'));
  contexts.client(client);
  contexts.commit();
  t.same(live, ['one']);
  contexts.begin(secrets('two'));
  contexts.client(client);
  t.same(live, ['one', 'two'], 'the old one lives until the new configuration is in force');
  contexts.commit();
  t.same(live, ['two']);
  contexts.close();
  t.same(live, []);
});

void t.test('a change that came to nothing releases what it made, and nothing else', async (t) => {
  const { contexts, live } = scene();
  contexts.begin(secrets('one'));
  contexts.client(client);
  contexts.commit();
  for (let i = 0; i < 3; i++) {
    contexts.begin(secrets(`bad${i}`));
    contexts.client(client);
    contexts.rollback();
    t.same(live, ['one']);
  }
  t.equal(contexts.client(client).context.key, 'one', 'the secrets are the old ones again');
  contexts.begin(secrets('first'));
  contexts.rollback();
  t.same(live, ['one']);
});
