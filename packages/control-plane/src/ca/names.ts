import { type Extension, SubjectAlternativeNameExtension } from './x509.js';

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** A subject alternative name: its kind (`url`, `dns`, `ip`, ...) and text. */
export interface AlternativeName {
  type: string;
  value: string;
}

/** All subject alternative names, of all extensions that carry some: a second extension hides nothing. */
export function alternativeNames(extensions: readonly Extension[]): AlternativeName[] {
  return extensions
    .filter((extension) => extension.type === SUBJECT_ALTERNATIVE_NAME)
    .flatMap((extension) => new SubjectAlternativeNameExtension(extension.rawData).names.items)
    .map(({ type, value }) => ({ type, value }));
}
