/**
 * The only door between the proxy and the operating system: sockets, TLS, time and randomness of one data thread.
 * Two implementations, `linux` (epoll and OpenSSL through koffi) and `portable` (node:net and node:tls), pass one suite;
 * a third, in memory with a virtual clock, serves the tests.
 *
 * Everything here is called on the data thread and calls back on it, never re-entrantly: a method of `Connection` does not call
 * a handler before it returns. No promise, no event emitter.
 */
import type { SocketAddress } from '../address.js';
import type { TimerWheel } from '../time/wheel.js';

/** What the io layer reports about a connection or a listener. `errno` names are mapped here and nowhere else. */
export interface IoError {
  readonly code:
    | 'refused' // ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL: nothing was sent
    | 'timeout' // connect or handshake deadline, ETIMEDOUT
    | 'reset' // ECONNRESET, EPIPE, or TLS ended without close_notify where data was expected
    | 'tls' // handshake or record failure
    | 'exhausted' // EMFILE, ENFILE, ENOBUFS, ENOMEM
    | 'address' // EADDRINUSE, EACCES, EADDRNOTAVAIL on listen
    | 'closed'; // closed by this side
  /** For the operator: the call, the errno name, the address; never key material. */
  readonly message: string;
  /** Name of the errno such as `EADDRINUSE`, where a call to the system failed; for listeners always. */
  readonly errno?: string;
}

/** What the peer's certificate says. Chain verification against the trust bundle is done before anyone sees this. */
export interface PeerCertificate {
  /** All URI entries of the subject alternative name, in order. SPIFFE asks for exactly one; stage `secure` checks it. */
  readonly uris: readonly string[];
  /** DNS entries of the subject alternative name. */
  readonly dnsNames: readonly string[];
  /** Lower-case hexadecimal serial number, for logs. */
  readonly serial: string;
  readonly notAfterMs: number;
  /** cA of the basic constraints, whatever else the certificate says; false without the extension. */
  readonly isCa: boolean;
  /** What the key may be used for, as far as it decides about an X.509-SVID; undefined without the extension (RFC 5280 section 4.2.1.3). */
  readonly keyUsage: KeyUsage | undefined;
}

export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly cRLSign: boolean;
}

/**
 * Receives what happens to one connection. `onClose` comes last and exactly once, whoever closed, unless the owner called `destroy`, after which
 * nothing comes any more.
 */
export interface ConnectionHandler {
  /** TCP is connected, and with TLS the handshake is done and the chain verified. On an accepted connection: after `startPlain` or `startTls` succeeded. */
  onOpen(connection: Connection): void;
  /** `bytes[start, end)` arrived, `end > start`. The buffer belongs to the engine and is valid only during the call. */
  onData(connection: Connection, bytes: Uint8Array, start: number, end: number): void;
  /** The peer will send no more (FIN, or close_notify under TLS). Writing still works. */
  onEnd(connection: Connection): void;
  /** After `write` returned false: all that was held has gone to the kernel. */
  onDrain(connection: Connection): void;
  /** The connection is gone. `error` is undefined when both sides ended in order. */
  onClose(connection: Connection, error: IoError | undefined): void;
}

/** Sees the first bytes of an accepted connection without consuming them. */
export interface Sniffer {
  /** `bytes[start, end)` is all that has arrived so far. Call `startPlain` or `startTls` on the connection, or return and be called again with more. */
  onSniff(connection: Connection, bytes: Uint8Array, start: number, end: number): void;
  /**
   * The client will send no more (FIN) and nothing is decided yet: what `onSniff` showed last, or nothing, is all that comes. Told once. Start the connection, whose
   * handler then gets those bytes and the end, or destroy it; it stays open until then, for the other direction is. Decide at once: a reset that follows is noticed by
   * some engines only.
   */
  onEnd(connection: Connection): void;
  /** The connection was lost before it was decided. */
  onClose(connection: Connection, error: IoError | undefined): void;
}

/**
 * One TCP connection, with TLS inside or not.
 * An accepted one reads nothing until `startPlain`, `startTls` or `sniff` was called.
 */
export interface Connection {
  /** Who hears of it; may be replaced at any time. */
  handler: ConnectionHandler;
  readonly id: number;
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  /** Where an intercepted connection was going (SO_ORIGINAL_DST), `local` when it was not redirected. Accepted connections only. */
  readonly destination: SocketAddress;
  /** Set once open with TLS and a peer certificate. */
  readonly peer: PeerCertificate | undefined;
  /** ALPN protocol agreed on, '' without. */
  readonly alpn: string;
  readonly isTls: boolean;
  /** Application bytes in each direction (plaintext under TLS). */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes that `write` took and the kernel has not. */
  readonly bytesHeld: number;

  sniff(sniffer: Sniffer): void;
  startPlain(handler: ConnectionHandler): void;
  startTls(context: TlsContext, handler: ConnectionHandler): void;

  /**
   * Sends `bytes[start, end)` now or keeps a copy of what the kernel does not take: the caller may reuse the buffer at once.
   * `more` promises that another write follows in this turn (MSG_MORE). Returns false when `writeHighWaterBytes` or more are held: stop until `onDrain`.
   * On a connection still connecting, everything is held. A no-op after `end` or `destroy`.
   */
  write(bytes: Uint8Array, start: number, end: number, more: boolean): boolean;
  /** Half-close: FIN (with TLS close_notify first) once everything held is sent. When the peer has ended too, the connection closes in order. */
  end(): void;
  /** Closes at once and drops what is held; no more callbacks. With `reset` the peer gets an RST, so that a truncated body is not mistaken for a whole one. */
  destroy(reset: boolean): void;
  /** No `onData` and no `onEnd` until `resume`; the kernel's window closes by itself. A reset is still noticed. */
  pause(): void;
  resume(): void;
  /** Remembers this moment for `undelivered`. */
  mark(): void;
  /**
   * True only when it is certain that the peer's kernel acknowledged no byte written since `mark` (Linux: TCP_INFO bytes_acked).
   * Meant for `onClose`. False when the engine cannot know.
   */
  undelivered(): boolean;
}

export interface Acceptor {
  onAccept(connection: Connection): void;
  /** Accepting failed in a way the operator should know (EMFILE); the listener goes on. */
  onAcceptError(error: IoError): void;
}

export interface ListenOptions {
  readonly address: SocketAddress;
  /** Read SO_ORIGINAL_DST of each accepted connection. */
  readonly original: boolean;
  readonly backlog: number;
  /** SO_REUSEPORT, so that several data threads share the port. */
  readonly reusePort: boolean;
}

export interface ListenSocket {
  /** The address bound, with the port the kernel chose for 0. */
  readonly address: SocketAddress;
  /** Stops accepting; connections stay. */
  close(): void;
}

export interface ConnectOptions {
  readonly address: SocketAddress;
  /** With TLS: the context; SNI if given. */
  readonly tls: TlsContext | undefined;
  readonly serverName: string;
  /** Covers TCP and TLS handshake together. */
  readonly timeoutMs: number;
}

/** Compiled TLS settings of one side: certificate, trust and ALPN. Immutable; a renewed certificate is a new context, open connections keep the old. */
export interface TlsContext {
  readonly key: string;
  /** Frees native memory when the last connection is gone. */
  release(): void;
}

export interface TlsContextOptions {
  readonly side: 'client' | 'server';
  /** PEM, leaf first; undefined on a client without an identity. */
  readonly certificateChainPem: string | undefined;
  readonly privateKeyPem: string | undefined;
  /** PEM bundle that the peer's chain must lead to. */
  readonly trustPem: string | undefined;
  /** Server: the client must show a certificate. Client: always verifies the server's chain unless `trustPem` is undefined. Host names are never compared here. */
  readonly requirePeerCertificate: boolean;
  /** In order of preference. */
  readonly alpn: readonly string[];
}

export interface Clock {
  /** Monotonic milliseconds with a fraction, exact. */
  nowMs(): number;
  /** The same as of the beginning of this turn of the loop: enough for deadlines, and costs nothing. */
  turnMs(): number;
  /** Milliseconds since 1970 with a fraction, for log lines: of a moment on the monotonic clock, a recent one. */
  wallMs(monotonicMs: number): number;
}

/** One data thread's view of the machine. */
export interface Io {
  readonly engine: 'linux' | 'portable' | 'memory';
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** Uniform in [0, 1); not for secrets. */
  random(): number;
  /** Throws an `IoFailure` with code `address` when the port is taken or not allowed. */
  listen(options: ListenOptions, acceptor: Acceptor): ListenSocket;
  /** Never throws: a failure comes as `onClose`, after this returned. */
  connect(options: ConnectOptions, handler: ConnectionHandler): Connection;
  /** Throws an `IoFailure` with code `tls` that says which PEM is wrong. */
  tlsContext(options: TlsContextOptions): TlsContext;
  /** Calls back at the end of this turn of the loop, once, after all events of the turn were handled: for flushing logs. */
  atTurnEnd(callback: () => void): void;
}

/** An `IoError` thrown where a call cannot report it later. */
export class IoFailure extends Error {
  readonly code: IoError['code'];
  /** '' where no call failed. */
  readonly errno: string;
  constructor(error: IoError) {
    super(error.message);
    this.name = 'IoFailure';
    this.code = error.code;
    this.errno = error.errno ?? '';
  }
}
