/**
 * Hashes for consistent choices: 32 bits, the same on every machine and in every run, so that all proxies send one key to one endpoint. FNV-1a with the finaliser of
 * MurmurHash3, which spreads the last characters over all bits. Not for secrets and not against an adversary: whoever chooses keys can make them collide.
 */

/** No key to hash: where the key is missing, the choice is left to chance. */
export const noHash = -1;

/** Of `bytes[start, end)`: 0 to 2^32 - 1. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return finished(hash);
}

/** Of Latin-1 text: as `hashBytes` of its bytes. */
export function hashText(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return finished(hash);
}

/** One hash from two, in their order; the first may be `noHash`. */
export function combinedHash(first: number, second: number): number {
  return first === noHash ? second : (((first << 1) | (first >>> 31)) ^ second) >>> 0;
}

/** Another hash from a hash, for the `turn`-th next place to look at. */
export function nextHash(hash: number, turn: number): number {
  return finished(hash ^ Math.imul(turn, 0x9e3779b1));
}

function finished(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
