import type { z } from 'zod';
import { didYouMean } from './did-you-mean.js';
import { encodeFindings, type Finding, says } from './finding.js';

type RawIssue = z.core.$ZodRawIssue;

/** The error map of every parse: what each of zod's issues means to the author of a manifest, and the remedy. */
export function explain(issue: RawIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return encodeFindings((issue.keys as string[]).map((key) => unknownField(key, knownFields(issue))));
    case 'invalid_type':
      return wrongType(String(issue.expected), issue.input);
    case 'invalid_value':
      return notOneOf(issue.input, issue.values as readonly unknown[]);
    case 'too_small':
      return tooSmall(issue.origin as string, Number(issue.minimum));
    case 'too_big':
      return tooBig(issue.origin as string, Number(issue.maximum));
    default:
      return says(`${show(issue.input)} is not valid here`, 'Correct the value.');
  }
}

function knownFields(issue: RawIssue): string[] {
  const def = issue.inst?._zod.def as { shape?: Record<string, unknown> } | undefined;
  return Object.keys(def?.shape ?? {});
}

function unknownField(key: string, known: string[]): Finding {
  const near = didYouMean(key, known);
  const remedy =
    near === undefined
      ? `Remove it. Fields that may stand here: ${known.join(', ')}.`
      : `Did you mean \`${near}\`? Otherwise remove it.`;
  return { key, message: `unknown field \`${key}\``, remedy };
}

const EXAMPLES: Record<string, string> = {
  string: 'Write text',
  number: 'Write a number',
  int: 'Write a whole number',
  boolean: 'Write true or false',
  array: 'Write a list: each item on a line of its own that starts with `- `',
  object: 'Write a mapping: `key: value` on lines of their own, indented',
  record: 'Write a mapping: `key: value` on lines of their own, indented',
};

function wrongType(expected: string, input: unknown): string {
  const example = EXAMPLES[expected] ?? `Write a ${expected}`;
  if (input === undefined) return says('required field is missing', `Add it. ${example}.`);
  const message = `expected ${nameOfType(expected)}, found ${show(input)}`;
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) {
    return says(message, `Put it in quotes: "${input}".`);
  }
  if ((expected === 'number' || expected === 'int') && typeof input === 'string' && /^\d+$/.test(input)) {
    return says(message, `Remove the quotes: ${input}.`);
  }
  return says(message, `${example}.`);
}

function nameOfType(expected: string): string {
  const names: Record<string, string> = {
    int: 'a whole number',
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
  };
  return names[expected] ?? `a ${expected}`;
}

function notOneOf(input: unknown, values: readonly unknown[]): string {
  const allowed = values.map(String);
  if (input === undefined) return says('required field is missing', `Add it: one of ${allowed.join(', ')}.`);
  const near = typeof input === 'string' ? didYouMean(input, allowed) : undefined;
  const remedy = allowed.length === 1 ? `Write ${allowed[0]}.` : `Use one of ${allowed.join(', ')}.`;
  return says(
    `${show(input)} is not allowed here`,
    near === undefined ? remedy : `Did you mean \`${near}\`? ${remedy}`,
  );
}

function tooSmall(origin: string, minimum: number): string {
  if (origin === 'array') return says('the list is empty', 'Add an item, or remove the field.');
  if (origin === 'string') return says('the text is empty', 'Write a value, or remove the field.');
  return says(`the number is less than ${minimum}`, `Use ${minimum} or more.`);
}

function tooBig(origin: string, maximum: number): string {
  if (origin === 'array') return says(`the list has more than ${maximum} items`, `Use at most ${maximum} items.`);
  if (origin === 'string') return says(`the text has more than ${maximum} characters`, `Use at most ${maximum}.`);
  return says(`the number is more than ${maximum}`, `Use ${maximum} or less.`);
}

/** Enough of a value to recognise it in a message. */
const MAX_SHOWN = 60;

export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
