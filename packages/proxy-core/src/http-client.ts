/** One client's connection that speaks HTTP, as the direction it belongs to sees it: who it is, where it was going, and which chain serves it by now. */
import type { SocketAddress } from './address.js';
import type { Direction as DirectionName } from './config/config.js';
import type { Downstream, ExchangeEvents, ExchangeOpener, SeenRequest } from './exchange.js';
import type { Failure } from './failure.js';
import type { Connection } from './io/io.js';
import { type Chain, type ChainIndex, chainForAlpn, chainForBytes, findChains } from './listen/chains.js';
import type { Listener } from './listeners.js';
import type { HeadEdits } from './message/edits.js';
import { fromLatin1, type Head } from './message/head.js';
import { defaultPathOptions, type PathOptions } from './message/path-options.js';
import type { Plane } from './plane.js';
import type { AccessFacts } from './policy/authorize.js';
import { verifyClient } from './secure/server-tls.js';

const clientCertField = fromLatin1('x-forwarded-client-cert');

/** A URI that can stand in a field value without being taken for more than one. */
const printable = /^[!-+\--:<-~]+$/;

/** Peers whose edits are kept for their next connection. At the edge: all are forgotten, and made anew. */
const maxKnownPeers = 1_024;
const knownPeers = new Map<string, HeadEdits>();

function editsFor(peerUri: string): HeadEdits {
  let edits = knownPeers.get(peerUri);
  if (edits === undefined) {
    if (knownPeers.size >= maxKnownPeers) knownPeers.clear();
    const append = printable.test(peerUri) ? [fromLatin1(`x-forwarded-client-cert: URI=${peerUri}\r\n`)] : [];
    edits = { path: undefined, authority: undefined, remove: [clientCertField], append };
    knownPeers.set(peerUri, edits);
  }
  return edits;
}

/** The direction that the connection belongs to. */
export interface HttpClientOwner {
  readonly name: DirectionName;
  readonly plane: Pick<Plane, 'respond' | 'rejected'>;
  readonly listener: Listener;
  request(client: HttpClient, downstream: Downstream, head: Head): ExchangeEvents;
}

export class HttpClient implements ExchangeOpener {
  readonly destination: SocketAddress;
  readonly peerUri: string;

  private readonly owner: HttpClientOwner;
  private readonly connection: Connection;
  private index: ChainIndex | undefined = undefined;
  private chain: Chain | undefined = undefined;
  private edits: HeadEdits | undefined = undefined;

  constructor(owner: HttpClientOwner, connection: Connection, peerUri: string) {
    this.owner = owner;
    this.connection = connection;
    this.destination = connection.destination;
    this.peerUri = peerUri;
  }

  /** Inbound: only this proxy says who the client is (Envoy's XFCC, sanitised and set). */
  get inboundEdits(): HeadEdits {
    this.edits ??= editsFor(this.peerUri);
    return this.edits;
  }

  get pathOptions(): PathOptions {
    return this.currentChain()?.pathOptions ?? defaultPathOptions;
  }

  request(downstream: Downstream, head: Head): ExchangeEvents {
    return this.owner.request(this, downstream, head);
  }

  malformed(downstream: Downstream, failed: Failure, told: boolean, seen: SeenRequest | undefined): void {
    const { plane, name } = this.owner;
    plane.respond(downstream, failed, true);
    if (!told) plane.rejected(name, this.connection, failed, 'http/1.1', seen);
  }

  /** The chain for this connection in the configuration of now; undefined when it has been taken away or lets this peer in no more. Looked up once per configuration. */
  currentChain(): Chain | undefined {
    const { chains } = this.owner.listener;
    if (chains !== this.index) {
      this.index = chains;
      this.chain = this.findChain(chains);
    }
    return this.chain;
  }

  private findChain(chains: ChainIndex): Chain | undefined {
    const { connection } = this;
    const set = findChains(chains, this.destination);
    if (set === undefined) return undefined;
    if (!connection.isTls) return chainForBytes(set, 'http');
    const chain = chainForAlpn(set, connection.alpn);
    return chain?.tls === undefined || verifyClient(connection.peer, chain.tls).kind === 'rejected' ? undefined : chain;
  }

  /** What policy may know. */
  facts(head: Head): AccessFacts {
    return { peerUri: this.peerUri, port: this.destination.port, head };
  }
}
