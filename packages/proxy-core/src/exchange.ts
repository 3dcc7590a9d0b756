/**
 * One exchange, a request and its answer, is what moves through the stages. A codec yields exchanges from a connection, a pool hands out places for one,
 * `forward` moves the bodies between the two. How many exchanges share a connection is known to the codec and the pool alone.
 *
 *     downstream codec ──events──▶ ExchangeEvents ◀──events── upstream codec
 *            ▲                      (forward)                      ▲
 *            └───────── Downstream ─────┴──────── Place ───────────┘
 */
import type { SocketAddress } from './address.js';
import type { Failure } from './failure.js';
import type { PeerCertificate } from './io/io.js';
import type { HeadEdits } from './message/edits.js';
import type { Head } from './message/head.js';
import type { PathOptions } from './message/path-options.js';

/**
 * What both codecs tell about one exchange. Order from downstream: (requestBody* requestEnd)? with `downstreamGone` possible at any time and last.
 * Order from upstream: responseInterim*, responseHead, responseBody*, responseEnd; or `upstreamFailed` at any time, which is last.
 */
export interface ExchangeEvents {
  /** Payload of the request body, framing removed; the buffer is valid only during the call. */
  requestBody(bytes: Uint8Array, start: number, end: number): void;
  /** The request is whole. `trailers` is a head without a start line, or undefined; valid only during the call. */
  requestEnd(trailers: Head | undefined): void;
  /** All request events that arrived together have been told: what waits may be sent in one piece. */
  requestFlush(): void;
  /** After `sendBody` towards downstream returned false: go on. */
  downstreamDrain(): void;
  /** The client closed or broke off, or sent a malformed body. The exchange is over for it; nobody is left to answer. */
  downstreamGone(failure: Failure): void;

  /** A 1xx other than 101. */
  responseInterim(head: Head): void;
  responseHead(head: Head): void;
  responseBody(bytes: Uint8Array, start: number, end: number): void;
  responseEnd(trailers: Head | undefined): void;
  responseFlush(): void;
  upstreamDrain(): void;
  /**
   * The place is lost. `undelivered`: it is certain that the peer received no byte of this request, or its protocol says that it has not acted on it
   * (HTTP/2: REFUSED_STREAM, a stream above GOAWAY's last).
   */
  upstreamFailed(failure: Failure, undelivered: boolean): void;
}

/** The client's side of an exchange: made by a downstream codec, valid until `finish`, `abort` or `downstreamGone`. */
export interface Downstream {
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  readonly peer: PeerCertificate | undefined;
  readonly isTls: boolean;
  /** For the log: `http/1.1`, `http/1.0`. */
  readonly protocol: string;
  /** Request body payload bytes told so far, and answer payload bytes taken so far. */
  readonly bodyBytesReceived: number;
  readonly bodyBytesSent: number;

  sendInterim(head: Head): void;
  /** The codec chooses the framing that its client understands from `head.framing`; `close`: announce that the connection ends after this answer. */
  sendHead(head: Head, edits: HeadEdits, close: boolean): void;
  /** An answer of the proxy's own. `fields` are whole lines; a HEAD request gets no body. */
  sendLocal(status: number, fields: readonly Uint8Array[], body: Uint8Array, close: boolean): void;
  /** Returns false when too much is held: stop until `downstreamDrain`. */
  sendBody(bytes: Uint8Array, start: number, end: number): boolean;
  /** The answer is whole. If the request is not, the codec discards the rest within `maxDiscardBytes` or closes. */
  finish(trailers: Head | undefined): void;
  /** Sends what was collected in this turn. */
  flush(): void;
  /** The answer cannot be completed: the client must see it truncated (HTTP/1: RST or close before the announced length). */
  abort(): void;
  /** Stops and restarts the arrival of request body. */
  pauseRequest(): void;
  resumeRequest(): void;
  /**
   * After a 101 or a 2xx to CONNECT was sent with `sendHead`: from now on body bytes both ways are opaque, `requestEnd` means that the client half-closed
   * and `finish` half-closes towards it.
   */
  becomeTunnel(): void;
}

/** A place on an upstream connection for one exchange: from the pool, given back by itself when the answer and the request are both whole. */
export interface Place {
  readonly remote: SocketAddress;
  readonly isTls: boolean;
  /** ALPN protocol agreed on, '' without. */
  readonly alpn: string;
  /** URI SAN of the server, '' without TLS. */
  readonly peerUri: string;
  /** The connection has carried an exchange before. */
  readonly reused: boolean;
  /** From now on the upstream events of the exchange go there. */
  begin(events: ExchangeEvents): void;
  /** `head` need not stay valid after the call. `endStream`: no body follows. */
  sendHead(head: Head, edits: HeadEdits, endStream: boolean): void;
  sendBody(bytes: Uint8Array, start: number, end: number): boolean;
  sendEnd(trailers: Head | undefined): void;
  flush(): void;
  /** Stops and restarts the arrival of the answer's body. */
  pauseResponse(): void;
  resumeResponse(): void;
  /** The exchange is abandoned: no more events; the connection is closed unless the protocol can end one exchange alone. */
  cancel(): void;
  /** Mirror of `Downstream.becomeTunnel`. */
  becomeTunnel(): void;
}

/** A client's connection as its data thread sees it, whatever version of HTTP it speaks and however many exchanges are on it. */
export interface DownstreamConnection {
  /** No further exchange is welcome: the connection ends, as its protocol says so, when those under way are over. */
  drain(): void;
  /** Closes at once; every exchange under way is told `downstreamGone`. */
  destroy(): void;
}

/** Whoever is behind a downstream codec: `outbound.ts` or `inbound.ts`. */
export interface ExchangeOpener {
  /** How the codec normalises the path of the next request: asked once for each, when its first byte is there. */
  readonly pathOptions: PathOptions;
  /**
   * A whole, valid request head. `head` may be kept until the exchange is over (the codec uses another one meanwhile), but its bytes are those of the read
   * buffer: `moveTo` before returning.
   */
  request(downstream: Downstream, head: Head): ExchangeEvents;
  /**
   * The bytes are no valid request, or none came in time: answer; the codec closes after `sendLocal(..., close = true)`. `told`: the request's exchange has had
   * `downstreamGone` with this failure and recorded it; otherwise it is to be recorded here, with what was `seen` of it.
   */
  malformed(downstream: Downstream, failure: Failure, told: boolean, seen: SeenRequest | undefined): void;
}

/** What could be read of a request that is refused, for the log; '' for what could not. The target is as it was sent: nothing may be decided by it. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
}

export const nothingSeen: SeenRequest = { method: '', target: '' };

/** An upstream connection as its pool sees it: a number of places. HTTP/1 has one. */
export interface UpstreamConnection {
  /** Exchanges that fit now, besides those under way; 0 while connecting, full, or going away. */
  readonly freePlaces: number;
  /** Exchanges under way on it, or about to be: their places were handed out and have not been given back. */
  readonly usedPlaces: number;
  /** A place for one exchange; only when `freePlaces` is above 0. */
  place(): Place;
  /** Closes when idle: no further exchange. */
  retire(): void;
}

/** The pool behind an upstream connection. */
export interface UpstreamOwner {
  /** Connected and, where TLS is spoken, the right peer: places are free. */
  opened(connection: UpstreamConnection): void;
  /** An exchange ended and its place is free again, or the peer allows more. `idleHintMs`: the server said how long it keeps an idle connection (`Keep-Alive: timeout`), 0: it did not. */
  freed(connection: UpstreamConnection, idleHintMs: number): void;
  /** The connection is gone, whether it ever opened or not. Exchanges on it were told themselves. */
  gone(connection: UpstreamConnection, failure: Failure): void;
}

/** Who waits for a place. Exactly one of the three is called, at once or later, unless `abandon` was. */
export interface PlaceWaiter {
  placed(place: Place): void;
  unplaced(failure: Failure): void;
  /** The pool retires and dials no more: choose an endpoint anew. It was no try. Never called within `acquire`. */
  displaced(): void;
}
