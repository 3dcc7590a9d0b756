/** Stage route: the key of a request for consistent hashing (config.route.v3.RouteAction.HashPolicy), as a hash. */
import type { SocketAddress } from '../address.js';
import type { HashPolicyConfig } from '../config/config.js';
import { combinedHash, hashBytes, hashText, noHash } from '../message/hash.js';
import { fromLatin1, type Head } from '../message/head.js';

export interface HashSource {
  /** Lower-case name of a header field; undefined: the client's address. */
  readonly header: Uint8Array | undefined;
  /** Where it is there, the rest does not count. */
  readonly terminal: boolean;
}

export function compileHashPolicy(configs: readonly HashPolicyConfig[] | undefined): readonly HashSource[] {
  return (configs ?? []).map((config) => ({
    header: config.kind === 'header' ? fromLatin1(config.name.toLowerCase()) : undefined,
    terminal: config.terminal === true,
  }));
}

/** `noHash` when the request has nothing of what the policy asks for. Several fields of one name count as one key, in their order. */
export function requestHash(policy: readonly HashSource[], head: Head, client: SocketAddress): number {
  let hash = noHash;
  for (const { header, terminal } of policy) {
    const own = header === undefined ? hashText(client.host) : headerHash(head, header);
    if (own === noHash) continue;
    hash = combinedHash(hash, own);
    if (terminal) break;
  }
  return hash;
}

function headerHash(head: Head, name: Uint8Array): number {
  let hash = noHash;
  for (let index = head.findName(name); index >= 0; index = head.findName(name, index + 1)) {
    hash = combinedHash(hash, hashBytes(head.bytes, head.offsets[4 * index + 2], head.offsets[4 * index + 3]));
  }
  return hash;
}
