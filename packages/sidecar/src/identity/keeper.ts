/**
 * Keeps a valid certificate: gets one, renews it well before its end, and tries again when that fails. The old one stays in force until a new one is
 * there, even past its end: plain connections, and peers that have not looked since, are still served.
 *
 *     none -- obtained --> held -- 2/3 of its life --> renewing -- obtained --> held
 *      |                                                  | failed
 *      '-- failed: wait, again                            '-- wait, again; past the end: said loudly, each time
 */
import { Backoff } from '../backoff.js';
import {
  RENEW_AT_SHARE_OF_LIFE,
  RENEW_JITTER_SHARE,
  RENEW_MIN_INTERVAL_MS,
  SIGN_RETRY_FIRST_MS,
  SIGN_RETRY_LONGEST_MS,
} from '../limits.js';
import type { Outside } from '../outside.js';
import type { Identity } from './credentials.js';

const EXPIRED = 'THE CERTIFICATE HAS EXPIRED: connections to and from other sidecars fail until it is renewed';

export interface KeeperOptions {
  readonly obtain: () => Promise<Identity>;
  /** A new one is there: the first, or a renewed one. */
  readonly onChange: (identity: Identity) => void;
  readonly outside: Outside;
}

export class IdentityKeeper {
  private readonly options: KeeperOptions;
  private readonly backoff: Backoff;
  private identity: Identity | undefined;
  private cancel: () => void = () => {};
  private closed = false;
  private lastFailure = '';

  constructor(options: KeeperOptions) {
    this.options = options;
    this.backoff = new Backoff(SIGN_RETRY_FIRST_MS, SIGN_RETRY_LONGEST_MS, options.outside.random);
  }

  /** @param held one that is on disk, or undefined. Without one that is valid the next is obtained now. */
  start(held: Identity | undefined): void {
    this.identity = held;
    if (held !== undefined && held.notAfterMs > this.options.outside.now()) {
      this.schedule(held);
      return;
    }
    if (held !== undefined) {
      const notAfter = new Date(held.notAfterMs).toISOString();
      this.options.outside.log.error({ notAfter }, `${EXPIRED}; plain traffic goes on`);
    }
    this.attempt();
  }

  current(): Identity | undefined {
    return this.identity;
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  private schedule({ issuedAtMs, notAfterMs }: Identity): void {
    const { now, random, setTimer } = this.options.outside;
    const share = RENEW_AT_SHARE_OF_LIFE - RENEW_JITTER_SHARE * random();
    const at = issuedAtMs + (notAfterMs - issuedAtMs) * share;
    this.cancel = setTimer(Math.max(at - now(), RENEW_MIN_INTERVAL_MS), () => this.attempt());
  }

  private attempt(): void {
    this.options.obtain().then(
      (identity) => this.obtained(identity),
      (error: Error) => this.failed(error),
    );
  }

  private obtained(identity: Identity): void {
    if (this.closed) return;
    const { log } = this.options.outside;
    const notAfter = new Date(identity.notAfterMs).toISOString();
    log.info({ spiffeId: identity.spiffeId, notAfter }, this.identity ? 'certificate renewed' : 'certificate received');
    this.identity = identity;
    this.lastFailure = '';
    this.backoff.reset();
    this.schedule(identity);
    this.options.onChange(identity);
  }

  private failed(error: Error): void {
    if (this.closed) return;
    const { log, now, setTimer } = this.options.outside;
    const waitMs = Math.round(this.backoff.next());
    const fields = { reason: error.message, waitMs };
    const { identity } = this;
    if (identity === undefined) {
      if (error.message !== this.lastFailure) log.error(fields, 'no certificate yet; trying again');
    } else if (identity.notAfterMs <= now()) {
      const expired = { ...fields, notAfter: new Date(identity.notAfterMs).toISOString() };
      log.error(expired, EXPIRED);
    } else if (error.message !== this.lastFailure) {
      log.warn(fields, 'certificate not renewed; the one in force stays');
    }
    this.lastFailure = error.message;
    this.cancel = setTimer(waitMs, () => this.attempt());
  }
}
