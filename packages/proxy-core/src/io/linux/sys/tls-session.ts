/** SSL: one TLS connection on a non-blocking socket, from handshake to close_notify. */
import type { IoError, PeerCertificate } from '../../io.js';
import { counts } from './counts.js';
import { errno, errnoName, isExhaustion } from './errno.js';
import { lastErrno } from './library.js';
import { copyFrom, scratch } from './memory.js';
import * as ssl from './openssl.js';
import { drainErrors } from './openssl-errors.js';
import { ended, failed, wouldBlock } from './outcome.js';
import { readPeerCertificate } from './peer-certificate.js';

/**
 * OpenSSL's read buffer takes at least 16 KiB of record, 320 bytes of overhead and the header (SSL3_RT_MAX_PLAIN_LENGTH, SSL3_RT_MAX_ENCRYPTED_OVERHEAD), so
 * while fewer bytes than this came since it was empty, it asked the kernel for more than the kernel had.
 */
const surelyShortBytes = 15_000;

/** A signal came during the call, which OpenSSL tells as if it would have blocked: again at once, no edge will come. */
const interrupted = -3;
/** Signals in a row after which it is taken at its word. */
const maxInterruptions = 8;

const data = scratch(8);
const length = scratch(4);

export class TlsSession {
  /** Why the last call gave `failed`. */
  failure: IoError | undefined = undefined;
  /** The errno of it, 0 when it was OpenSSL's own. */
  failureErrno = 0;
  /** A read found the peer's FIN. */
  sawFin = false;
  /** The last `read` waits for the socket to be writable (the answer to a key update). */
  readAwaitsWrite = false;
  private readonly pointer: number;
  private readonly bio: number;
  private readonly closed: () => void;
  /** BIO_number_read when OpenSSL last held no byte. */
  private emptyAt = 0;
  /** A part of a record is in OpenSSL: it will ask the kernel for exactly the rest, and not learn whether there is more. */
  private partial = false;
  /** The next read asks the kernel: nothing is inside that a read could give without. */
  private asksKernel = true;
  /** Edges seen when the kernel was asked first since then. */
  private askedAt = 0;
  private handshaking = true;
  private wantsWrite = false;
  private interruptions = 0;
  private freed = false;

  private constructor(pointer: number, closed: () => void) {
    this.pointer = pointer;
    this.bio = ssl.SSL_get_rbio(pointer);
    this.closed = closed;
  }

  /** Undefined when OpenSSL is out of memory. `closed` is called once, by `free`. */
  static open(
    context: number,
    side: 'client' | 'server',
    fd: number,
    serverName: string,
    closed: () => void,
  ): TlsSession | undefined {
    const pointer = ssl.SSL_new(context);
    if (pointer === 0) {
      drainErrors();
      return undefined;
    }
    let done = ssl.SSL_set_fd(pointer, fd) === 1;
    if (side === 'server') {
      ssl.SSL_set_accept_state(pointer);
    } else {
      ssl.SSL_set_connect_state(pointer);
      // SSL_set_tlsext_host_name; the 0 is TLSEXT_NAMETYPE_host_name.
      if (serverName !== '') done &&= ssl.SSL_ctrl(pointer, ssl.SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, serverName) === 1;
    }
    if (!done) {
      drainErrors();
      ssl.SSL_free(pointer);
      return undefined;
    }
    counts.sessions++;
    return new TlsSession(pointer, closed);
  }

  /** 1 when done, `wouldBlock` or `failed`. */
  handshake(): number {
    const result = ssl.SSL_do_handshake(this.pointer);
    if (result !== 1) {
      const outcome = this.explain(result);
      return outcome === interrupted ? this.handshake() : outcome;
    }
    this.handshaking = false;
    // Bytes that came behind the handshake are already inside.
    this.partial = true;
    return 1;
  }

  /** Decrypts into memory: bytes, or `wouldBlock`, `ended` (close_notify) or `failed`. `edges`: how many the socket has had so far. */
  read(address: number, size: number, edges: number): number {
    if (this.asksKernel) {
      this.asksKernel = false;
      this.askedAt = edges;
    }
    const count = ssl.SSL_read(this.pointer, address, size);
    this.readAwaitsWrite = false;
    if (count > 0) return count;
    const outcome = this.explain(count);
    if (outcome === interrupted) return this.read(address, size, edges);
    if (outcome === wouldBlock) {
      this.readAwaitsWrite = this.wantsWrite;
      this.asksKernel = true;
      this.partial = ssl.SSL_has_pending(this.pointer) !== 0 || ssl.BIO_number_read(this.bio) !== this.emptyAt;
    }
    return outcome;
  }

  /**
   * After a `read` that gave bytes: true when neither OpenSSL nor, at the time of that read, the kernel held any more, so that the next byte makes an edge.
   * Spares the read that would only say so. False: read again, as where an edge came since the kernel was asked: the records that it gave then may have lasted
   * for several turns.
   */
  isDrained(edges: number): boolean {
    if (ssl.SSL_has_pending(this.pointer) !== 0) return false;
    const total = ssl.BIO_number_read(this.bio);
    const came = total - this.emptyAt;
    this.emptyAt = total;
    this.asksKernel = true;
    return !this.partial && came < surelyShortBytes && this.askedAt === edges;
  }

  /** Encrypts and sends: bytes taken (at most one record, 16 KiB), or `wouldBlock` or `failed`. After `wouldBlock` the same bytes must come again. */
  write(address: number, size: number): number {
    const count = ssl.SSL_write(this.pointer, address, size);
    if (count > 0) return count;
    const outcome = this.explain(count);
    return outcome === interrupted ? this.write(address, size) : outcome;
  }

  /** Sends close_notify: 1 when sent, `wouldBlock` or `failed`. */
  shutdown(): number {
    // 0: sent, the peer's is not here yet.
    const result = ssl.SSL_shutdown(this.pointer);
    if (result >= 0) return 1;
    const outcome = this.explain(result);
    return outcome === interrupted ? this.shutdown() : outcome;
  }

  /** Bytes of records handed to the kernel so far. */
  rawBytesWritten(): number {
    // SSL_set_fd made one BIO for both directions.
    return ssl.BIO_number_written(this.bio);
  }

  alpn(): string {
    ssl.SSL_get0_alpn_selected(this.pointer, data.address, length.address);
    const size = length.view.getUint32(0, true);
    if (size === 0) return '';
    return Buffer.from(copyFrom(Number(data.view.getBigUint64(0, true)), size)).toString('latin1');
  }

  /** The peer's leaf, whose chain was verified in the handshake; undefined when it showed none. */
  peer(): PeerCertificate | undefined {
    const certificate = ssl.SSL_get1_peer_certificate(this.pointer);
    if (certificate === 0) return undefined;
    try {
      return readPeerCertificate(certificate);
    } finally {
      ssl.X509_free(certificate);
    }
  }

  free(): void {
    if (this.freed) throw new Error('our bug: a TLS session was freed twice');
    this.freed = true;
    counts.sessions--;
    ssl.SSL_free(this.pointer);
    this.closed();
  }

  private explain(result: number): number {
    const number = lastErrno();
    const kind = ssl.SSL_get_error(this.pointer, result);
    this.wantsWrite = kind === ssl.SSL_ERROR_WANT_WRITE;
    if (this.wantsWrite || kind === ssl.SSL_ERROR_WANT_READ) {
      if (number === errno.EINTR && this.interruptions++ < maxInterruptions) return interrupted;
      this.interruptions = 0;
      return wouldBlock;
    }
    if (kind === ssl.SSL_ERROR_ZERO_RETURN && !this.handshaking) return ended;
    this.failure = kind === ssl.SSL_ERROR_SYSCALL ? this.systemFailure(number) : this.protocolFailure();
    return failed;
  }

  private systemFailure(number: number): IoError {
    drainErrors();
    this.failureErrno = number;
    if (number === errno.ETIMEDOUT) return { code: 'timeout', message: this.during('ETIMEDOUT') };
    const code = isExhaustion(number) ? 'exhausted' : 'reset';
    return { code, message: this.during(number === 0 ? 'the connection ended' : errnoName(number)) };
  }

  private protocolFailure(): IoError {
    const { text, reason } = drainErrors();
    if (reason === ssl.SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      this.sawFin = true;
      return this.handshaking
        ? { code: 'tls', message: 'the peer closed the connection during the TLS handshake' }
        : { code: 'reset', message: 'the peer closed the connection without close_notify: data may be missing' };
    }
    const verified = ssl.SSL_get_verify_result(this.pointer);
    const why = verified === ssl.X509_V_OK ? '' : ` (${ssl.X509_verify_cert_error_string(verified)})`;
    return { code: 'tls', message: this.during(`${text === '' ? 'protocol error' : text}${why}`) };
  }

  private during(what: string): string {
    return this.handshaking ? `TLS handshake: ${what}` : `TLS: ${what}`;
  }
}
