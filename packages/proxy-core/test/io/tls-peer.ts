/**
 * A TLS peer whose every byte the test holds in its hands: the OpenSSL inside node between two memory BIOs, and a plain socket beside it. What OpenSSL wants sent
 * may be cut, changed or kept back.
 */
import type net from 'node:net';
import { native } from '../../src/io/linux/sys/library.js';
import { addressOf, copyFrom, scratch } from '../../src/io/linux/sys/memory.js';
import * as ssl from '../../src/io/linux/sys/openssl.js';
import { drainErrors } from '../../src/io/linux/sys/openssl-errors.js';

const BIO_s_mem = native<() => number>('intptr_t BIO_s_mem()');
const BIO_new = native<(method: number) => number>('intptr_t BIO_new(intptr_t)');
const BIO_read = native<(bio: number, to: number, size: number) => number>('int BIO_read(intptr_t, intptr_t, int)');
const BIO_write = native<(bio: number, from: number, size: number) => number>('int BIO_write(intptr_t, intptr_t, int)');
const SSL_set_bio = native<(ssl: number, read: number, write: number) => void>(
  'void SSL_set_bio(intptr_t, intptr_t, intptr_t)',
);
const SSL_key_update = native<(ssl: number, kind: number) => number>('int SSL_key_update(intptr_t, int)');
const SSL_renegotiate = native<(ssl: number) => number>('int SSL_renegotiate(intptr_t)');

const room = scratch(65_536);

export interface PeerOptions {
  readonly side: 'client' | 'server';
  /** PEM; a server needs both. */
  readonly certificateChainPem?: string;
  readonly privateKeyPem?: string;
  readonly maxVersion?: '1.2' | '1.3';
}

export class TlsPeer {
  readonly socket: net.Socket;
  /** Decrypted, as Latin-1. */
  text = '';
  isOpen = false;
  /** close_notify came. */
  ended = false;
  /** Does nothing about what comes. */
  isDeaf = false;
  /** The socket is closed, with or without an error. */
  gone = false;
  /** What OpenSSL says of the first failure: `tlsv1 alert record overflow`. */
  failure = '';
  private readonly context: number;
  private readonly session: number;
  private readonly incoming: number;
  private readonly outgoing: number;

  constructor(socket: net.Socket, options: PeerOptions) {
    this.socket = socket;
    this.context = makeContext(options);
    this.session = ssl.SSL_new(this.context);
    this.incoming = BIO_new(BIO_s_mem());
    this.outgoing = BIO_new(BIO_s_mem());
    SSL_set_bio(this.session, this.incoming, this.outgoing);
    if (options.side === 'server') ssl.SSL_set_accept_state(this.session);
    else ssl.SSL_set_connect_state(this.session);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.gone = true;
    });
    socket.on('data', (bytes: Buffer) => {
      if (this.isDeaf) return;
      BIO_write(this.incoming, addressOf(bytes), bytes.length);
      this.progress();
    });
  }

  /** Begins or goes on with the handshake, reads what has come, and sends what OpenSSL wants sent. */
  progress(): void {
    this.advance();
    this.send(this.take());
  }

  /** The bytes that OpenSSL wants sent; they are the caller's now. */
  take(): Buffer {
    const parts: Uint8Array[] = [];
    for (let count = 1; count > 0; ) {
      count = BIO_read(this.outgoing, room.address, room.bytes.length);
      if (count > 0) parts.push(copyFrom(room.address, count));
    }
    return Buffer.concat(parts);
  }

  /** The first message of a client. */
  hello(): Buffer {
    this.advance();
    return this.take();
  }

  /** The record or records that carry a text. */
  records(text: string): Buffer {
    const bytes = Buffer.from(text, 'latin1');
    if (ssl.SSL_write(this.session, addressOf(bytes), bytes.length) !== bytes.length) this.fail();
    return this.take();
  }

  write(text: string): void {
    this.send(this.records(text));
  }

  /** New keys for what this side sends from now on; `answered`: the other side is asked for new ones too. */
  updateKeys(answered: boolean): void {
    SSL_key_update(this.session, answered ? 1 : 0);
  }

  closeNotify(): Buffer {
    ssl.SSL_shutdown(this.session);
    return this.take();
  }

  /** Asks for a second handshake on the same connection. */
  renegotiate(): boolean {
    const begun = SSL_renegotiate(this.session) === 1;
    if (begun) {
      ssl.SSL_do_handshake(this.session);
      this.send(this.take());
    }
    drainErrors();
    return begun;
  }

  send(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.socket.destroyed) this.socket.write(bytes);
  }

  close(): void {
    this.socket.destroy();
    ssl.SSL_free(this.session);
    ssl.SSL_CTX_free(this.context);
  }

  private advance(): void {
    if (!this.isOpen) {
      const result = ssl.SSL_do_handshake(this.session);
      if (result === 1) this.isOpen = true;
      else if (ssl.SSL_get_error(this.session, result) !== ssl.SSL_ERROR_WANT_READ) this.fail();
    }
    while (this.isOpen) {
      const count = ssl.SSL_read(this.session, room.address, room.bytes.length);
      if (count > 0) {
        this.text += Buffer.from(copyFrom(room.address, count)).toString('latin1');
        continue;
      }
      const kind = ssl.SSL_get_error(this.session, count);
      if (kind === ssl.SSL_ERROR_ZERO_RETURN) this.ended = true;
      else if (kind !== ssl.SSL_ERROR_WANT_READ) this.fail();
      return;
    }
  }

  private fail(): void {
    const { text } = drainErrors();
    if (this.failure === '') this.failure = text;
  }
}

function makeContext({ certificateChainPem, privateKeyPem, maxVersion = '1.3' }: PeerOptions): number {
  const context = ssl.SSL_CTX_new(ssl.TLS_method());
  const version = maxVersion === '1.2' ? ssl.TLS1_2_VERSION : ssl.TLS1_3_VERSION;
  ssl.SSL_CTX_ctrl(context, ssl.SSL_CTRL_SET_MAX_PROTO_VERSION, version, 0);
  if (certificateChainPem === undefined || privateKeyPem === undefined) return context;
  const read = (pem: string, use: (bio: number) => void): void => {
    const bytes = Buffer.from(pem);
    const bio = ssl.BIO_new_mem_buf(bytes, bytes.length);
    use(bio);
    ssl.BIO_free(bio);
  };
  read(certificateChainPem, (bio) => {
    const certificate = ssl.PEM_read_bio_X509(bio, 0, 0, 0);
    ssl.SSL_CTX_use_certificate(context, certificate);
    ssl.X509_free(certificate);
  });
  read(privateKeyPem, (bio) => {
    const key = ssl.PEM_read_bio_PrivateKey(bio, 0, 0, 0);
    ssl.SSL_CTX_use_PrivateKey(context, key);
    ssl.EVP_PKEY_free(key);
  });
  return context;
}
