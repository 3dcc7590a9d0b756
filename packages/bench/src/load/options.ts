import type { ScheduleKind } from './arrivals.js';
import type { BodyMode, BodySize } from './payload.js';

/** What a run of the generator is to do. Every field has its value: the defaults are the command line's. */
export interface LoadOptions {
  /** http://HOST[:PORT]/PATH. */
  url: string;
  /** Dial this instead of the URL's host, which still goes into the Host header. */
  connectTo: { host: string; port: number } | undefined;
  /** Requests a second on a schedule (open loop), or as fast as the answers come (closed loop). */
  rate: number | 'max';
  schedule: ScheduleKind;
  seed: number;
  /** Requests that are due at once with the schedule `bursts`; 1 otherwise. */
  burst: number;
  connections: number;
  /** Measured time in s; Infinity when `requests` bounds the run. */
  durationS: number;
  /** Time before it in s whose requests are checked but not recorded. */
  warmupS: number;
  /** At most so many requests, warm-up included; Infinity for no limit. */
  requests: number;
  method: string;
  headers: readonly [name: string, value: string][];
  /** Undefined: requests without a body. */
  body: { size: BodySize; mode: BodyMode } | undefined;
  expectStatus: number;
  /** Length of every response body in bytes; undefined: that of the first one (or, with `verifyHash`, of what was sent). */
  expectBytes: number | undefined;
  /**
   * Compare the SHA-256 of each body. With a request body: the answer is that body, or for a path that ends in /hash a text with its
   * hash. Without: the server says the hash in x-tulle-bench-sha256, as `tulle bench serve` does.
   */
  verifyHash: boolean;
  requestTimeoutMs: number;
  maxLatenessP99Us: number;
}

/** The options are no run: the message names the option and says what to write. */
export class BadLoadOptions extends Error {
  override readonly name = 'BadLoadOptions';
}

export interface Target {
  host: string;
  port: number;
  /** Value of the Host header. */
  authority: string;
  /** Path and query. */
  path: string;
}

/** @throws BadLoadOptions */
export function targetOf(options: LoadOptions): Target {
  let url: URL;
  try {
    url = new URL(options.url);
  } catch {
    throw new BadLoadOptions(`--url ${options.url} is no URL: write http://HOST:PORT/PATH`);
  }
  if (url.protocol !== 'http:') {
    throw new BadLoadOptions(`--url ${options.url}: only http is spoken here; inside the mesh the sidecars encrypt`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 80 : Number(url.port);
  return { ...(options.connectTo ?? { host, port }), authority: url.host, path: url.pathname + url.search };
}

/** @throws BadLoadOptions */
export function checkLoadOptions(options: LoadOptions): void {
  const { rate, connections, durationS, warmupS, requests } = options;
  if (rate !== 'max' && !(rate > 0)) throw new BadLoadOptions('--rate must be above 0, or max');
  if (!Number.isInteger(options.burst) || options.burst < 1) throw new BadLoadOptions('--burst must be at least 1');
  if (!Number.isInteger(connections) || connections < 1) throw new BadLoadOptions('--connections must be at least 1');
  if (!(durationS > 0)) throw new BadLoadOptions('--duration must be above 0');
  if (!(warmupS >= 0)) throw new BadLoadOptions('--warmup must be 0 or more');
  if (!(requests >= 1)) throw new BadLoadOptions('--requests must be at least 1');
  if (durationS === Number.POSITIVE_INFINITY && requests === Number.POSITIVE_INFINITY) {
    throw new BadLoadOptions('the run has no end: give --duration or --requests');
  }
  if (!/^[A-Z]+$/.test(options.method)) throw new BadLoadOptions(`--method ${options.method}: write it in capitals`);
  for (const [name, value] of options.headers) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[\r\n\0]/.test(value)) {
      throw new BadLoadOptions(`--header ${JSON.stringify(`${name}: ${value}`)} is no header: write "name: value"`);
    }
  }
}
