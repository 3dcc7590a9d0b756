/** A table by bytes, looked up in place: no string is made of what a request says. Built once; open addressing, never more than half full. */

export type Fold = Uint8Array;

/** Bytes as they are. */
export const asIs: Fold = Uint8Array.from({ length: 256 }, (_, byte) => byte);
/** ASCII letters in lower case. */
export const lowerCase: Fold = asIs.map((byte) => (byte >= 65 && byte <= 90 ? byte | 32 : byte));

export class ByteMap<V> {
  private readonly fold: Fold;
  private readonly keys: (Uint8Array | undefined)[];
  private readonly values: (V | undefined)[];
  readonly size: number;

  /** The last of several entries with one key counts. `fold` is of what is looked up; keys are folded already. */
  constructor(entries: ReadonlyMap<string, V>, fold: Fold) {
    this.fold = fold;
    this.size = entries.size;
    let slots = 4;
    while (slots < 2 * entries.size) slots *= 2;
    this.keys = new Array(slots).fill(undefined);
    this.values = new Array(slots).fill(undefined);
    for (const [text, value] of entries) {
      const key = Uint8Array.from(text, (character) => character.charCodeAt(0));
      let slot = this.slot(key, 0, key.length);
      while (this.keys[slot] !== undefined) slot = (slot + 1) & (slots - 1);
      this.keys[slot] = key;
      this.values[slot] = value;
    }
  }

  get(bytes: Uint8Array, start: number, end: number): V | undefined {
    if (this.size === 0) return undefined;
    const { keys } = this;
    const mask = keys.length - 1;
    for (let slot = this.slot(bytes, start, end); ; slot = (slot + 1) & mask) {
      const key = keys[slot];
      if (key === undefined) return undefined;
      if (key.length === end - start && this.equals(key, bytes, start)) return this.values[slot];
    }
  }

  /** FNV-1a. */
  private slot(bytes: Uint8Array, start: number, end: number): number {
    const { fold } = this;
    let hash = 0x811c_9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ fold[bytes[i]], 0x0100_0193);
    return (hash ^ (hash >>> 15)) & (this.keys.length - 1);
  }

  private equals(key: Uint8Array, bytes: Uint8Array, start: number): boolean {
    const { fold } = this;
    for (let i = 0; i < key.length; i++) if (key[i] !== fold[bytes[start + i]]) return false;
    return true;
  }
}
