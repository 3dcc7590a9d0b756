import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { KINDS, type KindEntry, type Resource } from '../kinds/resource.js';
import type { Problem } from '../problem.js';
import { didYouMean } from '../schema/did-you-mean.js';
import { explain, show } from '../schema/explain.js';
import { decodeFindings } from '../schema/finding.js';
import { formatPath, locate, type Path, positionAt } from './locate.js';
import { yamlRemedy } from './yaml-remedy.js';

/** A resource that is right in itself, and a way to speak about places in it. */
export interface ParsedResource<R extends Resource = Resource> {
  resource: R;
  file: string;
  /** A problem at the value of a path of the resource, for what only others can see: a reference that leads nowhere. */
  problemAt(path: Path, message: string, remedy: string): Problem;
}

export interface Manifest {
  resources: ParsedResource[];
  /** In the order of the text. When there is any, `resources` holds what was right nevertheless. */
  problems: Problem[];
}

/** Most aliases (`*name`) that one document may use. More of them is a bomb that unfolds, not a manifest. */
const MAX_ALIASES = 100;

/** Characters of a message, and of a path. The YAML reader quotes what it did not understand, be it a megabyte; a person needs the place and the first words. */
const MAX_MESSAGE = 300;

/** What no YAML may hold (YAML 1.2.2 section 5.1), and text never does. */
const NOT_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/**
 * Reads a file of YAML (or JSON) documents, each one resource or a `List` of them. Empty documents are skipped.
 *
 * Never throws: whatever is wrong is a problem with its place.
 * @param file names the text in problems.
 */
export function parseManifest(file: string, text: string): Manifest {
  const lines = new LineCounter();
  const manifest: Manifest = { resources: [], problems: [] };
  const binary = NOT_TEXT.exec(text);
  if (binary !== null) {
    manifest.problems.push(binaryProblem(file, text, binary.index));
    return manifest;
  }
  const docs = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  for (const doc of Array.isArray(docs) ? docs : []) readDocument(new Text(file, doc, lines), manifest);
  return manifest;
}

/** One document with its places. */
class Text {
  readonly file: string;
  readonly doc: Document;
  readonly lines: LineCounter;

  constructor(file: string, doc: Document, lines: LineCounter) {
    this.file = file;
    this.doc = doc;
    this.lines = lines;
  }

  /** @param base path of the resource within the document; problems name paths within the resource. */
  problem(base: Path, path: Path, message: string, remedy: string, what: 'value' | 'key' = 'value'): Problem {
    const position = locate(this.doc, this.lines, [...base, ...path], what);
    return { file: this.file, ...position, path: cut(formatPath(path)), message: cut(message), remedy };
  }

  yamlProblem(error: YAMLError): Problem {
    const position = positionAt(this.lines, error.pos[0]);
    const message = `not valid YAML: ${error.message.replaceAll('\n', ' ').replace(/[.:]+$/, '')}`;
    return { file: this.file, ...position, path: '', message: cut(message), remedy: yamlRemedy(error.code) };
  }
}

function binaryProblem(file: string, text: string, at: number): Problem {
  const before = text.slice(0, at).split('\n');
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
  const message = `the file is not text: it holds the character U+${code}`;
  const remedy = 'Take it out of the folder, or give it a name that does not end in .yaml or .yml.';
  return { file, line: before.length, column: before[before.length - 1].length + 1, path: '', message, remedy };
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text;
}

function readDocument(text: Text, manifest: Manifest): void {
  const { doc } = text;
  if (doc.errors.length > 0) {
    // What comes after the first error is mostly its consequence.
    manifest.problems.push(text.yamlProblem(doc.errors[0]));
    return;
  }
  let value: unknown;
  try {
    value = doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const message = `not valid YAML: ${(error as Error).message}`;
    manifest.problems.push(text.problem([], [], message, `Write values out; at most ${MAX_ALIASES} aliases are read.`));
    return;
  }
  if (value === null || value === undefined) return;
  if (isObject(value) && value.kind === 'List' && Array.isArray(value.items)) {
    for (const [index, item] of value.items.entries()) readResource(text, ['items', index], item, manifest);
    return;
  }
  readResource(text, [], value, manifest);
}

function readResource(text: Text, base: Path, value: unknown, manifest: Manifest): void {
  const problemAt = (path: Path, message: string, remedy: string): Problem => text.problem(base, path, message, remedy);
  const kind = findKind(value, problemAt);
  if ('message' in kind) {
    manifest.problems.push(kind);
    return;
  }
  const parsed = kind.schema.safeParse(value, { error: explain });
  if (parsed.success) {
    manifest.resources.push({ resource: deepFreeze(parsed.data), file: text.file, problemAt });
    return;
  }
  const problems = parsed.error.issues.flatMap((issue) => explained(issue, text, base));
  manifest.problems.push(...problems.sort((a, b) => a.line - b.line || a.column - b.column));
}

function explained(issue: z.core.$ZodIssue, text: Text, base: Path): Problem[] {
  const path = issue.path as Path;
  return decodeFindings(issue.message).map(({ key, message, remedy }) =>
    key === undefined
      ? text.problem(base, path, message, remedy)
      : text.problem(base, [...path, key], message, remedy, 'key'),
  );
}

function findKind(value: unknown, problemAt: ParsedResource['problemAt']): KindEntry | Problem {
  if (!isObject(value)) {
    return problemAt([], `a resource is a mapping, this is ${show(value)}`, 'Begin with apiVersion and kind.');
  }
  const { apiVersion, kind } = value;
  for (const [field, found] of Object.entries({ apiVersion, kind })) {
    if (typeof found === 'string') continue;
    if (found === undefined)
      return problemAt([], `${field} is missing`, `Add ${field}, as Kubernetes manifests have it.`);
    return problemAt([field], `${field} is ${show(found)}`, 'Write it as text.');
  }
  const ofKind = KINDS.filter((entry) => entry.kind === kind);
  const entry = ofKind.find((candidate) => candidate.apiVersion === apiVersion);
  if (entry !== undefined) return entry;
  if (ofKind.length > 0) {
    const versions = ofKind.map((candidate) => candidate.apiVersion).join(' or ');
    return problemAt(['apiVersion'], `${kind} of ${apiVersion} is not known`, `Write apiVersion: ${versions}.`);
  }
  const known = KINDS.map((candidate) => candidate.kind);
  const near = didYouMean(String(kind), known);
  const all = `Kinds that can be read: ${known.join(', ')}.`;
  return problemAt(
    ['kind'],
    `unknown kind ${show(kind)}`,
    near ? `Did you mean \`${near}\`? ${all}` : `Remove it. ${all}`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
