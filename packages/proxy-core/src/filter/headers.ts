/** Header fields as a filter reads and changes them: nothing is written into the head, the changes become edits for the codec. */
import type { HeadEdits } from '../message/edits.js';
import { isConnectionField } from '../message/fields.js';
import { fromLatin1, type Head } from '../message/head.js';
import type { FilterHeaders } from './filter.js';

const tokens = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const values = /^[\t\x20-\x7e\x80-\xff]*$/;
/** The name in lower case; throws a `TypeError` when a filter may not write it. */
export function fieldName(name: unknown): string {
  if (typeof name !== 'string' || !tokens.test(name)) throw new TypeError(`${JSON.stringify(name)} is no header name`);
  const lower = name.toLowerCase();
  const folded = lower.replaceAll('_', '-');
  // The last two say what only a proxy knows.
  const isReserved = isConnectionField(lower) || folded === 'x-forwarded-client-cert' || folded.startsWith('x-tulle-');
  if (isReserved) throw new TypeError(`only the proxy may write ${name}`);
  return lower;
}

/** `name: value` with its line end; throws a `TypeError` for a value that would not stay one. */
export function fieldLine(name: string, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !values.test(value)) {
    throw new TypeError(`the value of ${name} must be a text of Latin-1 characters without control characters`);
  }
  return fromLatin1(`${name}: ${value}\r\n`);
}

/** What filters have changed so far. */
export interface Changes {
  readonly removed: ReadonlySet<string>;
  readonly added: readonly Added[];
}

interface Added {
  readonly name: string;
  readonly value: string;
  readonly line: Uint8Array;
}

export const noChanges: Changes = { removed: new Set(), added: [] };

export class EditedHeaders implements FilterHeaders {
  protected readonly head: Head;
  private removed: ReadonlySet<string> = noChanges.removed;
  private added: readonly Added[] = noChanges.added;

  constructor(head: Head) {
    this.head = head;
  }

  header(name: string): string | undefined {
    const lower = String(name).toLowerCase();
    const found = this.removed.has(lower) ? [] : valuesOf(this.head, lower);
    for (const field of this.added) if (field.name === lower) found.push(field.value);
    return found.length === 0 ? undefined : found.join(', ');
  }

  setHeader(name: string, value: string): void {
    const lower = fieldName(name);
    const line = fieldLine(lower, value);
    this.drop(lower);
    this.added = [...this.added, { name: lower, value, line }];
  }

  addHeader(name: string, value: string): void {
    const lower = fieldName(name);
    this.added = [...this.added, { name: lower, value, line: fieldLine(lower, value) }];
  }

  removeHeader(name: string): void {
    this.drop(fieldName(name));
  }

  changes(): Changes {
    return { removed: this.removed, added: this.added };
  }

  /** Back to what `changes` gave. */
  restore({ removed, added }: Changes): void {
    this.removed = removed;
    this.added = added;
  }

  /** What has been changed; undefined: nothing. */
  edits(): HeadEdits | undefined {
    if (this.removed.size === 0 && this.added.length === 0) return undefined;
    return {
      path: undefined,
      authority: undefined,
      remove: [...this.removed].map(fromLatin1),
      append: this.added.map(({ line }) => line),
    };
  }

  private drop(lower: string): void {
    this.removed = new Set(this.removed).add(lower);
    this.added = this.added.filter((field) => field.name !== lower);
  }
}

function valuesOf(head: Head, lower: string): string[] {
  const found: string[] = [];
  const wanted = fromLatin1(lower);
  for (let i = head.findName(wanted); i >= 0; i = head.findName(wanted, i + 1)) found.push(head.value(i));
  return found;
}
