import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { CertificateClient } from '@tulle/xds';
import {
  SignCertificateRequestSchema,
  type SignCertificateResponse,
} from '@tulle/xds/gen/tulle/identity/v1/certificate_pb.js';
import { SIGN_TIMEOUT_MS } from '../limits.js';
import { channelOptions } from '../xds/channel.js';
import { controlPlaneCheck } from '../xds/server-check.js';
import type { Identity } from './credentials.js';
import { signingRequest } from './csr.js';
import { certificatesPem } from './pem.js';
import { readToken } from './token.js';
import { verifyCertificate } from './verify.js';

export interface ObtainOptions {
  /** `host:port` of the certificate service. */
  readonly address: string;
  readonly serverName: string;
  readonly trustDomain: string;
  readonly spiffeId: string;
  readonly tokenFile: string;
  /** Roots that the service's certificate must chain to, PEM. */
  readonly rootsPem: () => string;
  readonly now: () => number;
}

const makeKeyPair = promisify(generateKeyPair);

/** Makes a new key and has it certified. Rejects with a message that says what to do; neither token nor key is in it. */
export async function obtainIdentity(options: ObtainOptions): Promise<Identity> {
  const { spiffeId, now } = options;
  const token = await readToken(options.tokenFile);
  const keys = await makeKeyPair('ec', { namedCurve: 'P-256' });
  const { chainDer, trustDer } = await sign(options, token, signingRequest(keys, spiffeId));
  if (chainDer.length === 0 || trustDer.length === 0)
    throw new Error('the control plane sent no certificate or no roots');
  const issuedAtMs = now();
  return {
    spiffeId,
    certificateChainPem: certificatesPem(chainDer),
    privateKeyPem: pkcs8(keys.privateKey),
    trustPem: certificatesPem(trustDer),
    issuedAtMs,
    notAfterMs: verifyCertificate(chainDer[0], keys.privateKey, spiffeId, issuedAtMs),
  };
}

async function sign(options: ObtainOptions, token: string, csrDer: Uint8Array): Promise<SignCertificateResponse> {
  const { address, serverName, trustDomain, rootsPem } = options;
  const channel = credentials.createSsl(Buffer.from(rootsPem()), null, null, {
    checkServerIdentity: controlPlaneCheck(trustDomain),
  });
  const client = new CertificateClient(address, channel, channelOptions(serverName));
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  try {
    return await new Promise((resolve, reject) => {
      const deadline = Date.now() + SIGN_TIMEOUT_MS;
      client.sign(create(SignCertificateRequestSchema, { csrDer }), metadata, { deadline }, (error, response) => {
        if (error !== null || response === undefined) reject(refusal(address, error));
        else resolve(response);
      });
    });
  } finally {
    client.close();
  }
}

function refusal(address: string, error: ServiceError | null): Error {
  const code = error === null ? 'UNKNOWN' : status[error.code];
  return new Error(`the certificate service at ${address} answered ${code}: ${error?.details ?? 'nothing'}`);
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
