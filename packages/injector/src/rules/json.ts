import { MAX_JSON_DEPTH } from '../limits.js';

/** Where the text stops being JSON: line and column count from 1, in UTF-16 units. */
export class JsonSyntaxError extends Error {
  readonly line: number;
  readonly column: number;
  constructor(message: string, text: string, offset: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    const lines = text.slice(0, offset).split('\n');
    this.line = lines.length;
    this.column = lines[lines.length - 1].length + 1;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;

/**
 * Reads RFC 8259 JSON. Takes what JSON.parse takes, less a key that comes twice in an object, of which JSON.parse keeps
 * the last without a word; and says where it fails, which JSON.parse in Node 20 does for some mistakes only.
 * Objects have no prototype. Throws JsonSyntaxError.
 */
export function readJson(text: string): unknown {
  let offset = 0;

  function fail(message: string, at = offset): never {
    throw new JsonSyntaxError(message, text, at);
  }

  /** Skips white space, then takes what the pattern matches here, if it does. */
  function take(pattern: RegExp): string | undefined {
    SPACE.lastIndex = offset;
    SPACE.test(text);
    offset = pattern.lastIndex = SPACE.lastIndex;
    if (!pattern.test(text)) return undefined;
    const start = offset;
    offset = pattern.lastIndex;
    return text.slice(start, offset);
  }

  function takeCharacter(character: string): boolean {
    take(SPACE);
    if (text[offset] !== character) return false;
    offset++;
    return true;
  }

  function value(depth: number): unknown {
    if (depth > MAX_JSON_DEPTH) fail(`more than ${MAX_JSON_DEPTH} objects and lists inside each other`);
    if (takeCharacter('{')) return object(depth);
    if (takeCharacter('[')) return list(depth);
    const scalar = take(STRING) ?? take(NUMBER) ?? take(WORD);
    // Each of the three patterns matches only what JSON.parse reads.
    return scalar === undefined ? fail('expected a value') : JSON.parse(scalar);
  }

  function object(depth: number): Record<string, unknown> {
    const members: Record<string, unknown> = Object.create(null);
    if (takeCharacter('}')) return members;
    do {
      const token = take(STRING) ?? fail('expected a key in double quotes');
      const key: string = JSON.parse(token);
      if (Object.hasOwn(members, key)) fail(`the key ${token} comes twice`, offset - token.length);
      if (!takeCharacter(':')) fail('expected a colon');
      members[key] = value(depth + 1);
    } while (takeCharacter(','));
    if (!takeCharacter('}')) fail('expected a comma or }');
    return members;
  }

  function list(depth: number): unknown[] {
    const items: unknown[] = [];
    if (takeCharacter(']')) return items;
    do items.push(value(depth + 1));
    while (takeCharacter(','));
    if (!takeCharacter(']')) fail('expected a comma or ]');
    return items;
  }

  const result = value(1);
  take(SPACE);
  if (offset < text.length) fail('expected nothing more');
  return result;
}
