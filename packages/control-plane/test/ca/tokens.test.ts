import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import t from 'tap';
import { createJwksReviewer } from '../../src/ca/jwks-reviewer.js';
import { MAX_TOKEN_BYTES } from '../../src/ca/limits.js';
import type { TokenReviewer } from '../../src/ca/tokens.js';

const issuer = 'https://kubernetes.default.svc';
const start = Date.UTC(2026, 10, 24, 12);
const seconds = start / 1000;

function claims(): JWTPayload {
  return {
    iss: issuer,
    aud: ['tulle-ca'],
    sub: 'system:serviceaccount:default:client',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 600,
    'kubernetes.io': {
      namespace: 'default',
      serviceaccount: { name: 'client', uid: 'u1' },
      pod: { name: 'client', uid: 'u2' },
    },
  };
}

const keyPair = await generateKeyPair('ES256');
const strangerPair = await generateKeyPair('ES256');
const jwk = { ...(await exportJWK(keyPair.publicKey)), kid: 'one', alg: 'ES256' };

function sign(payload: JWTPayload, key = keyPair.privateKey, kid = 'one'): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
}

interface Bench {
  reviewer: TokenReviewer;
  clock: { now: number };
  file: { text: string; reads: number };
}

function setUp(): Bench {
  const clock = { now: start };
  const file = { text: JSON.stringify({ keys: [jwk] }), reads: 0 };
  const readText = async () => {
    file.reads++;
    return file.text;
  };
  return {
    reviewer: createJwksReviewer({ issuer, jwksFile: '/keys/jwks.json', now: () => clock.now, readText }),
    clock,
    file,
  };
}

t.test('a token as Kubernetes makes it says who shows it', async (t) => {
  const { reviewer, file } = setUp();
  const identity = { namespace: 'default', serviceAccount: 'client', pod: { name: 'client', uid: 'u2' } };
  t.same(await reviewer.review(await sign(claims())), identity);
  t.same(await reviewer.review(await sign(claims())), identity);
  t.equal(file.reads, 1, 'the keys are read once');
});

const unsound: [title: string, change: (claims: JWTPayload) => void, message: RegExp][] = [
  [
    'of another audience',
    (c) => {
      c.aud = ['vault'];
    },
    /"aud" of the token is not as required/,
  ],
  [
    'without an audience',
    (c) => {
      delete c.aud;
    },
    /"aud" of the token is missing/,
  ],
  [
    'of another issuer',
    (c) => {
      c.iss = 'https://elsewhere';
    },
    /"iss"/,
  ],
  [
    'that has expired',
    (c) => {
      c.exp = seconds - 11;
    },
    /the token has expired/,
  ],
  [
    'that never expires',
    (c) => {
      delete c.exp;
    },
    /"exp" of the token is missing/,
  ],
  [
    'of the future',
    (c) => {
      c.nbf = seconds + 11;
    },
    /"nbf"/,
  ],
  [
    'without Kubernetes claims',
    (c) => {
      delete c['kubernetes.io'];
    },
    /"kubernetes.io" is missing/,
  ],
  [
    'bound to no pod',
    (c) => {
      delete (c['kubernetes.io'] as { pod?: unknown }).pod;
    },
    /"kubernetes.io".pod is missing/,
  ],
  [
    'whose subject differs',
    (c) => {
      c.sub = 'system:serviceaccount:default:admin';
    },
    /"sub" does not say/,
  ],
  [
    'with a slash in a name',
    (c) => {
      rename(c, 'a/b');
    },
    /not the name of a service account/,
  ],
  [
    'with an odd namespace',
    (c) => {
      (c['kubernetes.io'] as { namespace: string }).namespace = 'x.y';
    },
    /not the name of a namespace/,
  ],
];

function rename(payload: JWTPayload, name: string): void {
  (payload['kubernetes.io'] as { serviceaccount: { name: string } }).serviceaccount.name = name;
  payload.sub = `system:serviceaccount:default:${name}`;
}

for (const [title, change, message] of unsound) {
  t.test(`a token ${title} is refused`, async (t) => {
    const payload = claims();
    change(payload);
    const token = await sign(payload);
    const error = await setUp()
      .reviewer.review(token)
      .catch((error: Error) => error);
    t.match(error, { name: 'TokenError', message });
    t.notMatch(
      JSON.stringify([(error as Error).message, (error as Error).stack]),
      token.split('.')[2],
      'and not quoted',
    );
  });
}

t.test('a token signed by a stranger is refused, also when it claims a known key', async (t) => {
  const { reviewer } = setUp();
  await t.rejects(reviewer.review(await sign(claims(), strangerPair.privateKey)), {
    message: /signature.*does not hold/,
  });
  await t.rejects(reviewer.review(await sign(claims(), strangerPair.privateKey, 'two')), {
    message: /key that is not known/,
  });
});

t.test('a token that is not signed, or is none, is refused', async (t) => {
  const { reviewer } = setUp();
  const secret = new TextEncoder().encode(JSON.stringify(jwk));
  const shared = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
  for (const token of [
    '',
    'x',
    'a.b.c',
    new UnsecuredJWT(claims()).encode(),
    shared,
    'x'.repeat(MAX_TOKEN_BYTES + 1),
  ]) {
    await t.rejects(reviewer.review(token), { name: 'TokenError' });
  }
});

t.test('a key that is new in the file is found, and the file is not read for every bad token', async (t) => {
  const { reviewer, clock, file } = setUp();
  await reviewer.review(await sign(claims()));
  const token = await sign(claims(), strangerPair.privateKey, 'two');
  file.text = JSON.stringify({ keys: [jwk, { ...(await exportJWK(strangerPair.publicKey)), kid: 'two' }] });
  await t.rejects(reviewer.review(token), { name: 'TokenError' });
  t.equal(file.reads, 1, 'too soon');
  clock.now += 1000;
  t.match(await reviewer.review(token), { serviceAccount: 'client' });
  t.equal(file.reads, 2);
});

t.test('without a readable key set nobody is judged', async (t) => {
  const { reviewer, file } = setUp();
  file.text = '{';
  const token = await sign(claims());
  await t.rejects(reviewer.review(token), {
    name: 'ReviewUnavailableError',
    message: /^\/keys\/jwks\.json: no key set.*--token-jwks/,
  });
  file.text = JSON.stringify({ keys: [jwk] });
  t.match(await reviewer.review(token), { serviceAccount: 'client' }, 'and it is tried again');
});
