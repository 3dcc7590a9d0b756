/** OpenSSL's queue of errors as text. Reason strings are constants of the library: they hold no key material and no bytes of the peer. */
import * as ssl from './openssl.js';

/** Errors taken from the queue into one message; what is more is dropped. */
const maxReasons = 4;

export interface DrainedErrors {
  /** `certificate verify failed; ...`, '' when the queue was empty. */
  readonly text: string;
  /** Reason code of the first error, 0 when there was none. */
  readonly reason: number;
}

/** Empties the queue of this thread: an error left in it would be taken for one of the next connection. */
export function drainErrors(): DrainedErrors {
  const texts: string[] = [];
  let first = 0;
  for (let code = ssl.ERR_get_error(); code !== 0; code = ssl.ERR_get_error()) {
    if (first === 0) first = code;
    if (texts.length < maxReasons)
      texts.push(ssl.ERR_reason_error_string(code) ?? `OpenSSL error ${code.toString(16)}`);
  }
  // ERR_GET_REASON, openssl/err.h: the low 23 bits.
  return { text: texts.join('; '), reason: first & 0x7fffff };
}
