/** What the proxy changes in a head while it forwards it: decided by route and forward, written by the codec. Names and values are wire bytes, checked when compiled. */
export interface HeadEdits {
  /** Replaces the path (without query); undefined: as it came, normalised. */
  readonly path: Uint8Array | undefined;
  /** Replaces the authority. */
  readonly authority: Uint8Array | undefined;
  /** Lower-case names of fields to leave out. */
  readonly remove: readonly Uint8Array[];
  /** Whole lines `name: value\r\n`, written after the fields that stay. A `set` is a `remove` and an `append`. */
  readonly append: readonly Uint8Array[];
}

export const noEdits: HeadEdits = { path: undefined, authority: undefined, remove: [], append: [] };

/** Both, one after the other. */
export function joinEdits(first: HeadEdits, second: HeadEdits): HeadEdits {
  if (second === noEdits) return first;
  if (first.remove.length + first.append.length === 0 && first.path === undefined && first.authority === undefined)
    return second;
  return {
    path: first.path,
    authority: first.authority,
    remove: [...first.remove, ...second.remove],
    append: [...first.append, ...second.append],
  };
}

/** The same edits, and one more field left out. */
export function without(edits: HeadEdits, name: Uint8Array): HeadEdits {
  return { ...edits, remove: [...edits.remove, name] };
}
