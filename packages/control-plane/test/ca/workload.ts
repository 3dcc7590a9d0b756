import { webcrypto } from 'node:crypto';
import {
  type Extension,
  type JsonGeneralNames,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '../../src/ca/x509.js';

/** A workload's key pair and signing request, as a sidecar makes them. */
export interface Workload {
  csrDer: Uint8Array;
  publicKeyDer: Uint8Array;
  privateKeyPem: string;
}

export interface WorkloadOptions {
  names?: JsonGeneralNames;
  extensions?: Extension[];
  algorithm?: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;
  hash?: string;
}

export function uriNames(...uris: string[]): JsonGeneralNames {
  return uris.map((value) => ({ type: 'url', value }));
}

export async function makeWorkload(options: WorkloadOptions = {}): Promise<Workload> {
  const { names, hash = 'SHA-256', algorithm = { name: 'ECDSA', namedCurve: 'P-256' } } = options;
  const keys = await webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, ['sign', 'verify']);
  const extensions = options.extensions ?? (names === undefined ? [] : [new SubjectAlternativeNameExtension(names)]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: algorithm.name, hash },
    extensions,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    csrDer: new Uint8Array(request.rawData),
    publicKeyDer: new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey)),
    privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
  };
}
