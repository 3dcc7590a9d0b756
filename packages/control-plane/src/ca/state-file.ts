import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { AuthorityState } from './authority.js';
import type { Root } from './roots.js';

/** The state of the authority on disk is missing, damaged or of somebody else. The message holds the remedy. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

const VERSION = 1;

export function encodeState(state: AuthorityState): string {
  return `${JSON.stringify({ version: VERSION, ...state }, null, 2)}\n`;
}

/**
 * Reads what `encodeState` wrote, and checks that each key belongs to its certificate.
 * @param file for the error.
 * @throws StateError
 */
export function decodeState(text: string, trustDomain: string, file: string): AuthorityState {
  const remedy =
    'Restore it from a backup; or delete it, and a new root is made, which every sidecar must be given before it trusts the mesh again.';
  const damaged = (what: string): StateError =>
    new StateError(`${file}: the state of the certificate authority ${what}. ${remedy}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged(text === '' ? 'is empty' : 'is not whole'); // The parser's own message would quote the key.
  }
  if (!isState(json)) throw damaged('has not the expected fields');
  if (json.version !== VERSION) {
    throw new StateError(
      `${file}: has version ${json.version}, this program knows ${VERSION}. Use the program that wrote it.`,
    );
  }
  if (json.trustDomain !== trustDomain) {
    throw new StateError(
      `${file}: is of the trust domain ${json.trustDomain}, but ${trustDomain} was asked for. ` +
        `Give --trust-domain ${json.trustDomain}, or another --state directory.`,
    );
  }
  for (const [index, root] of json.roots.entries()) {
    if (!keyFits(root))
      throw damaged(`has a root (number ${index + 1}) whose key and certificate do not belong together`);
  }
  return { trustDomain, generation: json.generation, roots: json.roots };
}

function keyFits(root: Root): boolean {
  try {
    const certificate = new X509Certificate(root.certificatePem);
    return certificate.publicKey.equals(createPublicKey(createPrivateKey(root.privateKeyPem)));
  } catch {
    return false;
  }
}

function isState(json: unknown): json is AuthorityState & { version: number } {
  if (!isRecord(json) || typeof json.version !== 'number' || typeof json.trustDomain !== 'string') return false;
  if (!Number.isSafeInteger(json.generation) || !Array.isArray(json.roots) || json.roots.length === 0) return false;
  return json.roots.every(
    (root: unknown) =>
      isRecord(root) &&
      typeof root.certificatePem === 'string' &&
      typeof root.privateKeyPem === 'string' &&
      typeof root.notAfter === 'number' &&
      typeof root.signsFrom === 'number',
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
