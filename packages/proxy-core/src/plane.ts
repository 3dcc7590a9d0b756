/** What a direction needs from the data thread that it runs on; `data-plane.ts` is that thread's. */
import type { Direction as DirectionName } from './config/config.js';
import type { Downstream, ExchangeOpener, SeenRequest } from './exchange.js';
import type { Failure } from './failure.js';
import type { ExchangeServices } from './forward/exchange.js';
import type { TunnelServices } from './forward/tunnel.js';
import type { Clock, Connection, ConnectionHandler } from './io/io.js';
import type { Limits } from './limits.js';
import type { Listener } from './listeners.js';
import type { OpeningServices } from './opening.js';
import type { RequestIdWriter } from './request-id.js';
import type { TimerWheel } from './time/wheel.js';
import type { Cluster } from './upstream/cluster.js';

export interface Plane extends ExchangeServices, TunnelServices, OpeningServices {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly limits: Limits;
  /** Uniform in [0, 1); not for secrets. */
  readonly random: () => number;
  readonly writeRequestId: RequestIdWriter;
  /** The cluster of that name, undefined when it is not configured (yet). */
  cluster(name: string): Cluster | undefined;
  /** codec: HTTP is spoken on a connection. `headTimeoutMs`: for the first head. */
  serveHttp(
    connection: Connection,
    listener: Listener,
    opener: ExchangeOpener,
    headTimeoutMs: number,
  ): ConnectionHandler;
  /** Answers on behalf of the proxy (stage respond). */
  respond(downstream: Downstream, failed: Failure, close: boolean): void;
  /** A connection or a message that came to nothing. */
  rejected(
    direction: DirectionName,
    connection: Connection,
    failed: Failure,
    spoken: 'http/1.1' | 'unknown',
    seen?: SeenRequest,
  ): void;
}
