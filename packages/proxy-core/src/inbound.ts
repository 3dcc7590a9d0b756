/**
 * Inbound: what others send to the application of this pod. Read from top to bottom, this is the way of a connection and of each request on it.
 * The stages are those of `outbound.ts`, in another order: who the client is comes first, and policy is asked before anything else is looked at.
 */
import { Direction } from './direction.js';
import type { Downstream } from './exchange.js';
import { failure } from './failure.js';
import type { Exchange } from './forward/exchange.js';
import type { Tunnel } from './forward/tunnel.js';
import { HttpClient } from './http-client.js';
import type { Connection, ConnectionHandler } from './io/io.js';
import type { Chain } from './listen/chains.js';
import type { Head } from './message/head.js';
import { Opening } from './opening.js';
import { authorize } from './policy/authorize.js';
import { matchRoute } from './route/match.js';
import { followRoute } from './route-action.js';

export class Inbound extends Direction {
  override readonly name = 'inbound';

  override accepted(connection: Connection): void {
    if (this.chains(connection) === undefined)
      this.refuse(connection, failure('no-route', 'no filter chain')); // listen: which of the application's ports is it?
    else new Opening(this.plane, this, connection).start(); // detect, secure: TLS ends here, the SPIFFE ID is checked
  }

  override http(connection: Connection, peerUri: string, headTimeoutMs: number): ConnectionHandler {
    return this.plane.serveHttp(connection, this.listener, new HttpClient(this, connection, peerUri), headTimeoutMs); // codec: then `request`
  }

  override request(client: HttpClient, downstream: Downstream, head: Head): Exchange {
    const exchange = this.open(client, downstream, head);
    const chain = client.currentChain(); // listen, as configured by now
    if (chain === undefined) return exchange.refuse(failure('no-route'));
    const verdict = authorize(chain.authorization, client.facts(head)); // policy
    exchange.policy = verdict.policy;
    if (!verdict.allowed) return exchange.refuse(failure('access-denied'));
    const route = chain.routes && matchRoute(chain.routes, head); // route
    if (route === undefined) return exchange.refuse(failure('no-route'));
    if (chain.filters !== undefined) return this.filter(exchange, chain.filters, route, client.inboundEdits); // filter: the operator's own code
    return followRoute(this.plane, exchange, route, client.inboundEdits); // balance, pool, forward: `attempt` in direction.ts
  }

  override tunnel(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined {
    const verdict = this.authorizeTunnel(connection, chain, peerUri); // policy
    if (!verdict.allowed) return this.refuse(connection, failure('access-denied', verdict.policy));
    return this.openTunnel(connection, chain, peerUri, verdict.policy); // balance, forward
  }
}
