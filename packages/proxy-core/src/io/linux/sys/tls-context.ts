/** SSL_CTX: certificate, key, trust and ALPN of one side, read from PEM in memory. */
import { randomBytes } from 'node:crypto';
import { type IoError, IoFailure, type TlsContext, type TlsContextOptions } from '../../io.js';
import { chooseAlpnOnServer } from './alpn.js';
import { counts } from './counts.js';
import { type NativeCallback, releaseCallback } from './library.js';
import { scratch } from './memory.js';
import * as ssl from './openssl.js';
import { drainErrors } from './openssl-errors.js';
import { TlsSession } from './tls-session.js';

export const tlsVersions: { readonly '1.2': number; readonly '1.3': number } = {
  '1.2': ssl.TLS1_2_VERSION,
  '1.3': ssl.TLS1_3_VERSION,
};

/** Certificates in one PEM bundle: far more than a chain or the overlap of roots in a rotation needs; over it the bundle is refused, not cut. */
const maxCertificates = 1024;

/**
 * A context, the connections that speak or will speak by it, and the sessions made from it. Native memory is freed once, when it was released and the last of them has
 * gone: a connection asks for its session when TCP is there, and the server's side may be asked to choose an ALPN protocol until a session ends.
 */
export class NativeTlsContext implements TlsContext {
  readonly key: string;
  readonly side: 'client' | 'server';
  /** There is a trust bundle: what the peer shows is verified. */
  readonly verifies: boolean;
  private readonly pointer: number;
  private readonly alpnChoice: NativeCallback | undefined;
  private connections = 0;
  private sessions = 0;
  private released = false;

  /** Throws an IoFailure with code `tls`, and with nothing left allocated. */
  constructor(options: TlsContextOptions, minVersion: number) {
    this.key = `tls-${randomBytes(12).toString('hex')}`;
    this.side = options.side;
    this.verifies = options.trustPem !== undefined;
    const pointer = ssl.SSL_CTX_new(ssl.TLS_method());
    if (pointer === 0) throw tlsFailure('OpenSSL could not make a context');
    counts.contexts++;
    this.pointer = pointer;
    try {
      configure(pointer, minVersion);
      useIdentity(pointer, options);
      useTrust(pointer, options);
      this.alpnChoice = useAlpn(pointer, options);
    } catch (error) {
      ssl.SSL_CTX_free(pointer);
      counts.contexts--;
      throw error;
    }
  }

  /** A connection will speak by this context: it lives until `letGo`, released or not. */
  hold(): void {
    if (this.released) throw new Error('our bug: a connection was started with a released TLS context');
    this.connections++;
  }

  /** Follows `hold`, once. */
  letGo(): void {
    this.connections--;
    this.freeWhenUnused();
  }

  /** A session on a connected socket, while the context is held; `serverName` is sent as SNI unless ''. Undefined when OpenSSL is out of memory. */
  open(fd: number, serverName: string): TlsSession | undefined {
    const session = TlsSession.open(this.pointer, this.side, fd, serverName, () => this.sessionClosed());
    if (session !== undefined) this.sessions++;
    return session;
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    this.freeWhenUnused();
  }

  private sessionClosed(): void {
    this.sessions--;
    this.freeWhenUnused();
  }

  private freeWhenUnused(): void {
    if (!this.released || this.connections > 0 || this.sessions > 0) return;
    ssl.SSL_CTX_free(this.pointer);
    counts.contexts--;
    if (this.alpnChoice !== undefined) releaseCallback(this.alpnChoice);
  }
}

function configure(pointer: number, minVersion: number): void {
  const control = (command: number, value: number): number => ssl.SSL_CTX_ctrl(pointer, command, value, 0);
  if (control(ssl.SSL_CTRL_SET_MIN_PROTO_VERSION, minVersion) !== 1) throw tlsFailure('the minimum TLS version');
  if (control(ssl.SSL_CTRL_SET_MAX_PROTO_VERSION, ssl.TLS1_3_VERSION) !== 1)
    throw tlsFailure('the maximum TLS version');
  // No session outlives its connection: neither tickets nor a cache, so that nothing is resumed under an old trust bundle.
  control(ssl.SSL_CTRL_SET_SESS_CACHE_MODE, 0);
  ssl.SSL_CTX_set_num_tickets(pointer, 0);
  ssl.SSL_CTX_set_options(pointer, ssl.SSL_OP_NO_TICKET | ssl.SSL_OP_NO_COMPRESSION | ssl.SSL_OP_NO_RENEGOTIATION);
  control(
    ssl.SSL_CTRL_MODE,
    ssl.SSL_MODE_ENABLE_PARTIAL_WRITE |
      ssl.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
      ssl.SSL_MODE_NO_AUTO_CHAIN |
      ssl.SSL_MODE_RELEASE_BUFFERS,
  );
  // One read(2) for a record's header and body together, and for all small records that are there.
  control(ssl.SSL_CTRL_SET_READ_AHEAD, 1);
}

function useIdentity(pointer: number, options: TlsContextOptions): void {
  const { certificateChainPem, privateKeyPem, side } = options;
  if (certificateChainPem === undefined && privateKeyPem === undefined) {
    if (side === 'server') throw tlsFailure('a server needs a certificate chain and a private key');
    return;
  }
  if (certificateChainPem === undefined) throw tlsFailure('a private key without a certificate chain');
  if (privateKeyPem === undefined) throw tlsFailure('a certificate chain without a private key');
  eachCertificate(certificateChainPem, 'the certificate chain', (certificate, index) => {
    const done =
      index === 0
        ? ssl.SSL_CTX_use_certificate(pointer, certificate)
        : // The 1 makes it a reference of its own: SSL_CTX_add1_chain_cert.
          ssl.SSL_CTX_ctrl(pointer, ssl.SSL_CTRL_CHAIN_CERT, 1, certificate);
    if (done !== 1) throw tlsFailure(`certificate ${index + 1} of the certificate chain`);
  });
  useKey(pointer, privateKeyPem);
  if (ssl.SSL_CTX_check_private_key(pointer) !== 1) {
    throw tlsFailure('the private key does not belong to the first certificate of the chain');
  }
}

/** An empty password, so that OpenSSL does not ask for one on the terminal. */
const noPassword = scratch(1);

function useKey(pointer: number, pem: string): void {
  const bytes = Buffer.from(pem, 'latin1');
  const bio = ssl.BIO_new_mem_buf(bytes, bytes.length);
  try {
    if (bio === 0) throw tlsFailure('the private key');
    const key = ssl.PEM_read_bio_PrivateKey(bio, 0, 0, noPassword.address);
    if (key === 0) throw tlsFailure('the private key is no PEM of an unencrypted key');
    const done = ssl.SSL_CTX_use_PrivateKey(pointer, key);
    ssl.EVP_PKEY_free(key);
    if (done !== 1) throw tlsFailure('the private key does not belong to the first certificate of the chain');
  } finally {
    if (bio !== 0) ssl.BIO_free(bio);
    bytes.fill(0);
  }
}

function useTrust(pointer: number, options: TlsContextOptions): void {
  const { trustPem, side, requirePeerCertificate } = options;
  if (trustPem === undefined) {
    if (side === 'server' && requirePeerCertificate) {
      throw tlsFailure('a required client certificate needs a trust bundle to lead to');
    }
    ssl.SSL_CTX_set_verify(pointer, ssl.SSL_VERIFY_NONE, 0);
    return;
  }
  const store = ssl.SSL_CTX_get_cert_store(pointer);
  eachCertificate(trustPem, 'the trust bundle', (certificate, index) => {
    if (ssl.X509_STORE_add_cert(store, certificate) !== 1)
      throw tlsFailure(`certificate ${index + 1} of the trust bundle`);
  });
  const required = side === 'client' || requirePeerCertificate ? ssl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  ssl.SSL_CTX_set_verify(pointer, ssl.SSL_VERIFY_PEER | required, 0);
}

function useAlpn(pointer: number, options: TlsContextOptions): NativeCallback | undefined {
  if (options.alpn.length === 0) return undefined;
  if (options.side === 'server') return chooseAlpnOnServer(pointer, options.alpn);
  const list = Buffer.concat(options.alpn.map((protocol) => alpnName(protocol)));
  if (ssl.SSL_CTX_set_alpn_protos(pointer, list, list.length) !== 0) throw tlsFailure('the ALPN protocols');
  return undefined;
}

/** RFC 7301 section 3.1: a length of 1 to 255, then the name. */
function alpnName(protocol: string): Buffer {
  const name = Buffer.from(protocol, 'latin1');
  if (name.length < 1 || name.length > 255) throw tlsFailure(`${JSON.stringify(protocol)} is no ALPN protocol`);
  return Buffer.concat([Buffer.of(name.length), name]);
}

/** Reads a PEM bundle; OpenSSL counts references, so `use` may keep what it is given. Throws when there is none or one is damaged. */
function eachCertificate(pem: string, what: string, use: (certificate: number, index: number) => void): void {
  const bytes = Buffer.from(pem, 'latin1');
  const expected = pem.split('-----BEGIN ').length - 1;
  if (expected === 0) throw tlsFailure(`${what} holds no PEM certificate`);
  if (expected > maxCertificates)
    throw tlsFailure(`${what} holds ${expected} certificates, at most ${maxCertificates} are read`);
  const bio = ssl.BIO_new_mem_buf(bytes, bytes.length);
  if (bio === 0) throw tlsFailure(what);
  try {
    for (let index = 0; index < expected; index++) {
      const certificate = ssl.PEM_read_bio_X509(bio, 0, 0, noPassword.address);
      if (certificate === 0) throw tlsFailure(`certificate ${index + 1} of ${what}`);
      try {
        use(certificate, index);
      } finally {
        ssl.X509_free(certificate);
      }
    }
  } finally {
    ssl.BIO_free(bio);
    // Also keeps the bytes alive until here.
    bytes.fill(0);
  }
}

function tlsFailure(what: string): IoFailure {
  const { text } = drainErrors();
  const error: IoError = { code: 'tls', message: text === '' ? what : `${what}: ${text}` };
  return new IoFailure(error);
}
