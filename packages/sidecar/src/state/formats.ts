/** What the files in the state directory hold: JSON with a version. Pure. A reader refuses what it does not know whole; nothing is guessed. */
import { XDS_PUSH_ORDER, type XdsType } from '@tulle/xds';
import type { Identity } from '../identity/credentials.js';
import { verifyCertificate } from '../identity/verify.js';
import type { RawResource, SavedResources } from '../xds/resource-store.js';

/** A file that cannot be used: damaged, of another version, or of another pod. The message never quotes the file, which may hold a key. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

const IDENTITY_VERSION = 1;
const RESOURCES_VERSION = 1;

export function encodeIdentity(identity: Identity): string {
  return `${JSON.stringify({ version: IDENTITY_VERSION, ...identity })}\n`;
}

/**
 * @param spiffeId whose identity is wanted: another pod may have left its own in a directory that was handed on.
 * @returns also one whose certificate has ended: peers refuse it, plain traffic needs none.
 * @throws FormatError
 */
export function decodeIdentity(text: string, spiffeId: string): Identity {
  const json = parse(text, IDENTITY_VERSION);
  const textOf = (key: string): string => {
    const value = json[key];
    if (typeof value !== 'string') throw new FormatError(`has no ${key}`);
    return value;
  };
  const identity = {
    spiffeId: textOf('spiffeId'),
    certificateChainPem: textOf('certificateChainPem'),
    privateKeyPem: textOf('privateKeyPem'),
    trustPem: textOf('trustPem'),
  };
  const { issuedAtMs } = json;
  if (typeof issuedAtMs !== 'number' || !Number.isFinite(issuedAtMs)) throw new FormatError('has no issuedAtMs');
  try {
    const { certificateChainPem, privateKeyPem } = identity;
    return {
      ...identity,
      issuedAtMs,
      notAfterMs: verifyCertificate(certificateChainPem, privateKeyPem, spiffeId, 'any'),
    };
  } catch (cause) {
    throw new FormatError(`holds an identity of no use: ${(cause as Error).message}`, { cause });
  }
}

/** @param node whose resources they are. */
export function encodeResources(node: string, { versions, resources }: SavedResources): string {
  const encoded = Object.fromEntries(
    XDS_PUSH_ORDER.map((type) => [
      type,
      {
        version: versions[type] ?? '',
        resources: resources[type].map(({ name, value }) => ({ name, value: Buffer.from(value).toString('base64') })),
      },
    ]),
  );
  return `${JSON.stringify({ version: RESOURCES_VERSION, node, types: encoded })}\n`;
}

/** @throws FormatError */
export function decodeResources(text: string, node: string): SavedResources {
  const json = parse(text, RESOURCES_VERSION);
  if (json.node !== node) throw new FormatError('is of another pod');
  const types = json.types as Record<string, unknown> | undefined;
  const versions: Partial<Record<XdsType, string>> = {};
  const resources: Record<XdsType, RawResource[]> = { cds: [], eds: [], sds: [], lds: [], rds: [] };
  for (const type of XDS_PUSH_ORDER) {
    const saved = types?.[type] as { version?: unknown; resources?: unknown } | undefined;
    if (typeof saved?.version !== 'string' || !Array.isArray(saved.resources)) throw new FormatError(`has no ${type}`);
    if (saved.version !== '') versions[type] = saved.version;
    resources[type] = saved.resources.map((resource: { name?: unknown; value?: unknown } | null) => {
      if (typeof resource?.name !== 'string' || typeof resource.value !== 'string') {
        throw new FormatError(`has a broken resource of ${type}`);
      }
      return { name: resource.name, value: new Uint8Array(Buffer.from(resource.value, 'base64')) };
    });
  }
  return { versions, resources };
}

function parse(text: string, version: number): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FormatError(text === '' ? 'is empty' : 'is not whole'); // The parser's message would quote the key.
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new FormatError('is no object');
  const found = (json as { version?: unknown }).version;
  if (found !== version) throw new FormatError(`has version ${JSON.stringify(found)}, this program knows ${version}`);
  return json as Record<string, unknown>;
}
