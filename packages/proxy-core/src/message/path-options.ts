/**
 * How a request's path is brought into the one form that is routed, authorised and forwarded. `codec/normalise.ts` does it; docs/paths.md shows every row.
 * Names in brackets are those of Envoy's HttpConnectionManager.
 */
export interface PathOptions {
  /** `/./` and `/../`, and either with its dots encoded (normalize_path). `keep`: the application sees them; nothing above it has resolved them. */
  readonly dotSegments: 'resolve' | 'reject' | 'keep';
  /** `//` (merge_slashes). */
  readonly duplicateSlashes: 'merge' | 'reject' | 'keep';
  /** `%41`: an escape of a letter, a digit, `-`, `.`, `_` or `~` (normalize_path). */
  readonly encodedUnreserved: 'decode' | 'keep';
  /** `%2F` and `%5C` (path_with_escaped_slashes_action). `keep`: as bytes of a segment; a dot segment between them is refused all the same, unless `dotSegments` keeps it. */
  readonly escapedSlashes: 'reject' | 'decode' | 'keep';
  /** `\`, written as it is or decoded from `%5C`. `slash`: taken for a `/`, as browsers and Windows do. */
  readonly backslash: 'reject' | 'slash' | 'keep';
}

/** What `PathOptions` are where a configuration does not say otherwise. */
export const defaultPathOptions: PathOptions = {
  dotSegments: 'resolve',
  duplicateSlashes: 'merge',
  encodedUnreserved: 'decode',
  escapedSlashes: 'reject',
  backslash: 'reject',
};

/** What may stand in a configuration. */
export const pathOptionValues: { readonly [K in keyof PathOptions]: readonly PathOptions[K][] } = {
  dotSegments: ['resolve', 'reject', 'keep'],
  duplicateSlashes: ['merge', 'reject', 'keep'],
  encodedUnreserved: ['decode', 'keep'],
  escapedSlashes: ['reject', 'decode', 'keep'],
  backslash: ['reject', 'slash', 'keep'],
};
