import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { tokenLifetimeSeconds } from '../limits.js';

export const tokenIssuer = 'https://kubernetes.default.svc.cluster.local';
export const tokenAudience = 'tulle-ca';

/** Who a projected token speaks for. */
export interface TokenSubject {
  namespace: string;
  serviceAccount: string;
  pod: string;
  podUid: string;
}

export interface TokenSigner {
  /** The public half as a JSON Web Key Set (RFC 7517), what `--token-jwks` reads. */
  jwks: string;
  /** A compact JWS (ES256) with the claims of a Kubernetes bound service-account token. */
  sign(subject: TokenSubject, nowSeconds: number): Promise<string>;
}

/** Makes a fresh P-256 key pair. The private half never leaves this process. */
export async function createTokenSigner(): Promise<TokenSigner> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const kid = randomUUID();
  const jwk = await exportJWK(publicKey);
  const accountUids = new Map<string, string>();
  return {
    jwks: `${JSON.stringify({ keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] }, null, 2)}\n`,
    sign: (subject, nowSeconds) => {
      const account = `${subject.namespace}/${subject.serviceAccount}`;
      const accountUid = accountUids.get(account) ?? randomUUID();
      accountUids.set(account, accountUid);
      return new SignJWT({
        'kubernetes.io': {
          namespace: subject.namespace,
          serviceaccount: { name: subject.serviceAccount, uid: accountUid },
          pod: { name: subject.pod, uid: subject.podUid },
        },
      })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(tokenIssuer)
        .setAudience([tokenAudience])
        .setSubject(`system:serviceaccount:${subject.namespace}:${subject.serviceAccount}`)
        .setIssuedAt(nowSeconds)
        .setNotBefore(nowSeconds)
        .setExpirationTime(nowSeconds + tokenLifetimeSeconds)
        .sign(privateKey);
    },
  };
}
