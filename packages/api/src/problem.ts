/** Where a value stands in the text that somebody wrote. Lines and columns count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** One thing that is wrong in the configuration, told so that its author can mend it without reading our source. */
export interface Problem extends Position {
  /** As it was given to the parser: a path on disk, or any name that the reader of the problem will recognise. */
  file: string;
  /** JSON path inside the resource, for example `spec.rules[0].backendRefs[1].port`; empty for the whole document. */
  path: string;
  /** What is wrong. */
  message: string;
  /** What to do about it: a whole sentence. */
  remedy: string;
}

/** `file:line:column: path: message. Remedy.` in one line, as compilers write it. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === '' ? '' : ` ${problem.path}:`;
  return `${place}:${path} ${problem.message}. ${problem.remedy}`;
}
