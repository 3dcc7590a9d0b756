/** What a schema has to say about a value. The parser adds the file, the place and the path and makes it a Problem. */
export interface Finding {
  message: string;
  remedy: string;
  /** The unknown key itself, when the finding is about a key and not about a value. */
  key?: string;
}

/** Zod carries one string for an issue. Ours is the JSON of a list of findings. */
export function says(message: string, remedy: string): string {
  return JSON.stringify([{ message, remedy }]);
}

export function encodeFindings(findings: readonly Finding[]): string {
  return JSON.stringify(findings);
}

/** The reverse. Text that is not ours, which would be an oversight in a schema, is told as it is. */
export function decodeFindings(text: string): Finding[] {
  if (text.startsWith('[{"')) return JSON.parse(text);
  return [{ message: text, remedy: 'Correct the value.' }];
}
