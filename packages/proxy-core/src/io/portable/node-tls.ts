/** TLS over a connected socket, and what node's interface does not tell of it. */
import type net from 'node:net';
import tls from 'node:tls';
import type { PeerCertificate } from '../io.js';
import { peerCertificate } from '../peer-certificate.js';
import type { RawSide } from './raw-side.js';
import type { PortableTlsContext } from './tls-context.js';

/** A server's TLSSocket outside a tls.Server: node leaves the verdict on the client's chain to whoever made it. */
interface VerifyingSocket {
  readonly _handle?: { verifyError?(): NodeJS.ErrnoException | null | undefined } | null;
}

/** `failed` is told of what goes wrong at any time, `done` once when the handshake is over; nobody has looked at the chain then. */
export function serverTls(
  raw: RawSide,
  context: PortableTlsContext,
  failed: (error: NodeJS.ErrnoException) => void,
  done: () => void,
): tls.TLSSocket {
  const stream = new tls.TLSSocket(raw, {
    isServer: true,
    secureContext: context.secure,
    requestCert: context.verifies,
    // `verifiedPeer` judges everything: where OpenSSL refuses, node closes in an order that looks like a mere end to the client.
    rejectUnauthorized: false,
    ALPNProtocols: context.alpn.length > 0 ? context.alpn : undefined,
  });
  // node reports TLS failures of a socket without a tls.Server here only, and leaves it open.
  stream.on('_tlsError', (error: NodeJS.ErrnoException) => {
    failed(error);
    stream.destroy();
  });
  stream.once('secure', done);
  raw.watch(stream);
  return stream;
}

/** `done`: the handshake is over and node has verified the chain. */
export function clientTls(
  raw: RawSide,
  context: PortableTlsContext,
  serverName: string,
  done: () => void,
): tls.TLSSocket {
  const stream = tls.connect({
    socket: raw,
    secureContext: context.secure,
    servername: serverName,
    ALPNProtocols: context.alpn.length > 0 ? context.alpn : undefined,
    rejectUnauthorized: context.verifies,
    // Who the peer should be is decided by stage `secure`, from its URI.
    checkServerIdentity: () => undefined,
  });
  stream.once('secureConnect', done);
  raw.watch(stream);
  return stream;
}

/**
 * After the handshake: the peer, as far as its chain leads to the trust bundle; undefined where nothing is verified, or nothing is required and nothing was
 * shown. Throws when the peer is not let in: what node makes of its chain, and without a verdict nobody is.
 */
export function verifiedPeer(stream: tls.TLSSocket, context: PortableTlsContext): PeerCertificate | undefined {
  if (!context.verifies) return undefined;
  // Asked once: on a client's socket node takes the certificate out of the chain that it asks.
  const certificate = stream.getPeerX509Certificate();
  if (certificate === undefined) {
    if (context.side === 'client' || context.requirePeerCertificate) throw new Error('the peer showed no certificate');
    return undefined;
  }
  const handle = (stream as VerifyingSocket)._handle;
  if (typeof handle?.verifyError !== 'function') {
    throw new Error('this version of Node does not tell whether the chain is right');
  }
  const refusal = handle.verifyError() ?? undefined;
  if (refusal !== undefined) throw refusal;
  return peerCertificate(certificate);
}

/**
 * libuv tells an end where the last bytes and a reset arrived together (EPOLLHUP after a short read). A socket that was reset has no peer any more; one that
 * was half-closed has. Once this side has sent its FIN, a regular end has none either, and the end is believed.
 */
export function wasReset(socket: net.Socket, stream: net.Socket): boolean {
  if (process.platform !== 'linux' || stream.writableFinished) return false;
  const handle = (socket as unknown as { _handle?: { getpeername?(out: object): number } | null })._handle;
  return (handle?.getpeername?.({}) ?? 0) !== 0;
}
