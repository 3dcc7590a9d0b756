import { IoFailure } from './io/io.js';

/**
 * What the library throws and rejects with: a sentence that says place and remedy, and a code that stays the same from release to release, for programs to compare.
 *
 * | code | when |
 * |---|---|
 * | `ERR_TULLE_OPTION` | an option of `createProxy` or `forward` is missing, unknown or of the wrong kind; the message lists all of them |
 * | `ERR_TULLE_CONFIG` | a `ProxyConfig` is not valid (`ConfigError`, which has each place in `complaints`) |
 * | `ERR_TULLE_FILE` | a certificate, key or CA file cannot be read |
 * | `ERR_TULLE_TLS` | a certificate, key or CA was read and is not one, or they do not belong together |
 * | `ERR_TULLE_ACCESS_LOG` | the access log cannot be opened |
 * | `ERR_TULLE_FILTER` | a filter's module cannot be loaded, or is none |
 * | `ERR_TULLE_ENGINE` | the engine that was asked for cannot run here |
 * | `ERR_TULLE_EXHAUSTED` | the system has no descriptor or memory left for it |
 * | `ERR_TULLE_ENDED` | the proxy has ended, or its data thread has |
 * | `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, ... | a listener cannot be bound: the errno's name, as Node's own servers have it |
 * | `ERR_TULLE_INTERNAL` | a defect of the library: please report it |
 */
export class ProxyError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProxyError';
    this.code = code;
  }
}

/** The code of whatever was thrown on a data thread, to be told to the main thread. */
export function codeOf(error: unknown): string {
  if (error instanceof IoFailure) {
    if (error.code === 'tls') return 'ERR_TULLE_TLS';
    if (error.code === 'exhausted') return 'ERR_TULLE_EXHAUSTED';
    return error.errno === '' ? 'ERR_TULLE_INTERNAL' : error.errno;
  }
  return error instanceof ProxyError ? error.code : 'ERR_TULLE_INTERNAL';
}
