/** What outbound and inbound have in common: each try of an exchange or tunnel, and the ends that need no stage. The order of the stages is in `outbound.ts` and `inbound.ts`. */
import type { Direction as DirectionName } from './config/config.js';
import type { Downstream } from './exchange.js';
import { type Failure, failure } from './failure.js';
import type { FilterSequence } from './filter/sequence.js';
import { Exchange } from './forward/exchange.js';
import { Tunnel } from './forward/tunnel.js';
import type { HttpClient } from './http-client.js';
import type { Connection, ConnectionHandler } from './io/io.js';
import { type Chain, type ChainSet, findChains } from './listen/chains.js';
import type { Listener } from './listeners.js';
import { type HeadEdits, joinEdits } from './message/edits.js';
import { hashText } from './message/hash.js';
import type { Head } from './message/head.js';
import type { OpeningOwner } from './opening.js';
import type { Plane } from './plane.js';
import { type AccessFacts, authorize, type Verdict } from './policy/authorize.js';
import { chooseCluster } from './route/match.js';
import type { Route } from './route/table.js';
import { followRoute } from './route-action.js';

export abstract class Direction implements OpeningOwner {
  abstract readonly name: DirectionName;
  readonly plane: Plane;
  readonly listener: Listener;

  constructor(plane: Plane, listener: Listener) {
    this.plane = plane;
    this.listener = listener;
  }

  /** A connection was accepted on the listener. */
  abstract accepted(connection: Connection): void;
  /** HTTP is spoken on it, and the first head has that long to come. */
  abstract http(connection: Connection, peerUri: string, headTimeoutMs: number): ConnectionHandler;
  /** A whole request head has come from that client. */
  abstract request(client: HttpClient, downstream: Downstream, head: Head): Exchange;
  /** Opaque bytes are spoken on it; undefined: they are not let through, and that is recorded. */
  abstract tunnel(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined;

  /** One try of an exchange. A failed one that is safe to repeat comes here again. */
  readonly attempt = (exchange: Exchange): void => {
    const { plane } = this;
    const { cluster, destination, tried, hash } = exchange;
    const endpoint = cluster?.pick(destination, tried, plane.clock.turnMs(), plane.random, hash); // balance
    if (endpoint === undefined) exchange.refuse(failure('no-healthy-endpoint', `cluster ${exchange.clusterName}`));
    else exchange.tryOn(endpoint); // pool: a place on a connection; then forward moves the bodies
  };

  /** One try of a tunnel. */
  readonly attemptTunnel = (tunnel: Tunnel): void => {
    const { plane } = this;
    const { cluster, destination, tried, hash } = tunnel;
    const endpoint = cluster.pick(destination, tried, plane.clock.turnMs(), plane.random, hash); // balance
    if (endpoint === undefined) tunnel.fail(failure('no-healthy-endpoint', `cluster ${cluster.name}`));
    else tunnel.tryOn(endpoint);
  };

  chains(connection: Connection): ChainSet | undefined {
    return this.listener.isRemoved ? undefined : findChains(this.listener.chains, connection.destination);
  }

  dialAhead(connection: Connection, chain: Chain, peerUri: string): Tunnel | undefined {
    const verdict = this.authorizeTunnel(connection, chain, peerUri);
    const made = verdict.allowed ? this.makeTunnel(connection, chain, peerUri, verdict.policy) : undefined;
    return made instanceof Tunnel ? made : undefined;
  }

  rejected(connection: Connection, failed: Failure): void {
    this.plane.rejected(this.name, connection, failed, 'unknown');
  }

  /** An exchange that has just begun, with what is known of its client. */
  protected open(client: HttpClient, downstream: Downstream, head: Head): Exchange {
    const exchange = new Exchange(this.plane, this.name, this.attempt, downstream, head, client.destination);
    exchange.peerUri = client.peerUri;
    return exchange;
  }

  /** The operator's filters may change fields or answer; then the route is followed. */
  protected filter(exchange: Exchange, filters: FilterSequence, route: Route, own: HeadEdits): Exchange {
    exchange.route = route.name;
    const outcome = filters.onRequest(exchange.head, exchange.peerUri, route.name);
    if (outcome.kind === 'failed') return exchange.refuse(outcome.failure);
    if (outcome.kind === 'answer') {
      const { status, fields, body } = outcome.answer;
      exchange.detail = `answered by filter ${outcome.filter}`;
      return exchange.answerDirectly(status, fields, body);
    }
    exchange.filters = filters;
    return followRoute(this.plane, exchange, route, joinEdits(own, outcome.edits));
  }

  /** Policy for a connection of which nothing but the peer and the port is known. */
  protected authorizeTunnel(connection: Connection, chain: Chain, peerUri: string): Verdict {
    const facts: AccessFacts = { peerUri, port: connection.destination.port, head: undefined };
    return authorize(chain.authorization, facts);
  }

  /** Closes a connection that may not go on; the client sees a reset. */
  protected refuse(connection: Connection, failed: Failure): undefined {
    this.plane.rejected(this.name, connection, failed, 'unknown');
    connection.destroy(true);
  }

  /** A tunnel to one of the chain's clusters; undefined: there is none, and the client has been told. */
  protected openTunnel(connection: Connection, chain: Chain, peerUri: string, policy: string): Tunnel | undefined {
    const made = this.makeTunnel(connection, chain, peerUri, policy);
    return made instanceof Tunnel ? made : this.refuse(connection, made);
  }

  private makeTunnel(connection: Connection, chain: Chain, peerUri: string, policy: string): Tunnel | Failure {
    const { plane } = this;
    if (chain.tcp === undefined) return failure('no-route', `chain ${chain.name}`);
    const name = chooseCluster(chain.tcp.clusters, chain.tcp.totalWeight, plane.random());
    const cluster = plane.cluster(name);
    if (cluster === undefined) return failure('no-cluster', `cluster ${name} is not known`);
    const tunnel = new Tunnel(plane, this.name, this.attemptTunnel, connection, cluster, chain.tcp.idleTimeoutMs);
    if (chain.tcp.hashesSource) tunnel.hash = hashText(connection.remote.host);
    tunnel.route = chain.name;
    tunnel.policy = policy;
    tunnel.peerUri = peerUri;
    return tunnel;
  }
}
