/**
 * Outbound: what the application of this pod sends. Read from top to bottom, this is the way of a connection and of each request on it.
 * One line a stage, one folder a stage: listen, detect, secure, codec, route, policy, balance, pool, forward.
 * A failure on the way goes to respond; everything ends in observe.
 */

import { Direction } from './direction.js';
import type { Downstream } from './exchange.js';
import { failure } from './failure.js';
import type { Exchange } from './forward/exchange.js';
import type { Tunnel } from './forward/tunnel.js';
import { HttpClient } from './http-client.js';
import type { Connection, ConnectionHandler } from './io/io.js';
import type { Chain } from './listen/chains.js';
import { noEdits } from './message/edits.js';
import type { Head } from './message/head.js';
import { Opening } from './opening.js';
import { authorize } from './policy/authorize.js';
import { matchRoute } from './route/match.js';
import { followRoute } from './route-action.js';

export class Outbound extends Direction {
  override readonly name = 'outbound';

  override accepted(connection: Connection): void {
    if (this.chains(connection) === undefined)
      this.refuse(connection, failure('no-route', 'no filter chain')); // listen: who serves where it was going?
    else new Opening(this.plane, this, connection).start(); // detect, secure: then `http` or `tunnel`
  }

  override http(connection: Connection, peerUri: string, headTimeoutMs: number): ConnectionHandler {
    return this.plane.serveHttp(connection, this.listener, new HttpClient(this, connection, peerUri), headTimeoutMs); // codec: then `request`
  }

  override request(client: HttpClient, downstream: Downstream, head: Head): Exchange {
    const exchange = this.open(client, downstream, head);
    const chain = client.currentChain(); // listen, as configured by now
    const route = chain?.routes && matchRoute(chain.routes, head); // route
    if (chain === undefined || route === undefined) return exchange.refuse(failure('no-route'));
    const verdict = authorize(chain.authorization, client.facts(head)); // policy
    exchange.policy = verdict.policy;
    if (!verdict.allowed) return exchange.refuse(failure('access-denied'));
    if (chain.filters !== undefined) return this.filter(exchange, chain.filters, route, noEdits); // filter: the operator's own code
    return followRoute(this.plane, exchange, route, noEdits); // balance, pool, forward: `attempt` in direction.ts
  }

  override tunnel(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined {
    const verdict = this.authorizeTunnel(connection, chain, peerUri); // policy
    if (!verdict.allowed) return this.refuse(connection, failure('access-denied', verdict.policy));
    return this.openTunnel(connection, chain, peerUri, verdict.policy); // balance, forward
  }
}
