import { generateKeyPair, type KeyObject } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import { ServerCredentials } from '@grpc/grpc-js';
import { CONTROL_PLANE_NAMESPACE, CONTROL_PLANE_SERVER_NAME, CONTROL_PLANE_SERVICE_ACCOUNT } from '@tulle/xds';
import { chainPem } from '../ca/authority.js';
import type { CertificateAuthority } from '../ca/open.js';
import type { Log, SetTimer } from './events.js';
import { RENEW_AT_SHARE_OF_LIFE, RENEW_RETRY_MS } from './limits.js';

/** Credentials whose certificate can be replaced while the server runs; open connections keep theirs. */
class RenewableCredentials extends ServerCredentials {
  constructor(requireClient: boolean, context: SecureContextOptions) {
    super({ requestCert: requireClient, rejectUnauthorized: requireClient }, context);
  }

  replace(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

/** The control plane's own certificate, from its own authority. */
export interface ServerCertificate {
  /** For clients that have no certificate yet. */
  readonly serverAuth: ServerCredentials;
  /** Clients must have a certificate that chains to the trust bundle. */
  readonly mutual: ServerCredentials;
  /** Makes a new key and certificate now, and trusts what the authority trusts now. */
  renew(): Promise<void>;
  close(): void;
}

export interface ServerCertificateOptions {
  authority: CertificateAuthority;
  ttlMs: number;
  now: () => number;
  setTimer: SetTimer;
  log: Log;
}

const makeKeyPair = promisify(generateKeyPair);

/** Gets the first certificate, and renews it by itself until it is closed. A renewal that fails is tried again. */
export async function createServerCertificate(options: ServerCertificateOptions): Promise<ServerCertificate> {
  const { authority, log, now, setTimer } = options;
  const first = await obtain(options);
  const serverAuth = new RenewableCredentials(false, first.context);
  const mutual = new RenewableCredentials(true, first.context);
  let closed = false;
  let cancel = schedule(first.notAfter);

  function schedule(notAfter: number): () => void {
    return setTimer((notAfter - now()) * RENEW_AT_SHARE_OF_LIFE, attempt);
  }

  function attempt(): void {
    renew().catch((err: unknown) => {
      log.error({ err }, 'the certificate of the control plane could not be renewed');
      if (!closed) cancel = setTimer(RENEW_RETRY_MS, attempt);
    });
  }

  async function renew(): Promise<void> {
    cancel();
    const { context, notAfter } = await obtain(options);
    if (closed) return;
    for (const credentials of [serverAuth, mutual]) credentials.replace(context);
    log.info({ notAfter: new Date(notAfter), trustGeneration: authority.trust().generation }, 'certificate renewed');
    cancel();
    cancel = schedule(notAfter);
  }

  return {
    serverAuth,
    mutual,
    renew,
    close: () => {
      closed = true;
      cancel();
    },
  };
}

async function obtain(options: ServerCertificateOptions): Promise<{ context: SecureContextOptions; notAfter: number }> {
  const { authority, ttlMs } = options;
  const { publicKey, privateKey } = await makeKeyPair('ec', { namedCurve: 'P-256' });
  const { trustDomain, rootsPem } = authority.trust();
  const identity = {
    trustDomain,
    namespace: CONTROL_PLANE_NAMESPACE,
    serviceAccount: CONTROL_PLANE_SERVICE_ACCOUNT,
  };
  const dnsNames = [CONTROL_PLANE_SERVER_NAME];
  const { chainDer, notAfter } = await authority.issue({ publicKeyDer: spkiOf(publicKey), identity, dnsNames, ttlMs });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  // Envoy speaks TLS 1.2 to its control plane unless told otherwise.
  return { context: { ca: rootsPem, cert: chainPem(chainDer), key, minVersion: 'TLSv1.2' }, notAfter };
}

function spkiOf(publicKey: KeyObject): Uint8Array {
  return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
}
