import type { ErrorCode } from 'yaml';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'Indent what belongs together by the same number of spaces.',
  TAB_AS_INDENT: 'Indent with spaces instead of tabs.',
  DUPLICATE_KEY: 'Remove one of the two keys.',
  MISSING_CHAR: 'Add the character that is missing, or put the text in quotes.',
  UNEXPECTED_TOKEN: 'Check the quotes and brackets before this place, and put text with special characters in quotes.',
  BLOCK_AS_IMPLICIT_KEY: 'Put a line break after the colon, or put text that holds a colon in quotes.',
  MULTILINE_IMPLICIT_KEY: 'Write the key on one line, followed by a colon.',
  IMPOSSIBLE: 'Check the indentation of this line.',
  NON_STRING_KEY: 'Put the key in quotes.',
  BAD_ALIAS: 'Define the anchor (&name) before it is used, or write the value out.',
};

/** What an author can do about an error of the YAML syntax. */
export function yamlRemedy(code: ErrorCode): string {
  return REMEDIES[code] ?? 'Check the indentation, quotes and brackets around this place.';
}
