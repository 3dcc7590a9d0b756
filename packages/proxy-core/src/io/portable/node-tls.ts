/** TLS over a connected socket, and what node's interface does not tell of it. */
import type { X509Certificate } from 'node:crypto';
import type net from 'node:net';
import tls from 'node:tls';
import type { PortableTlsContext } from './tls-context.js';

/** A server's TLSSocket outside a tls.Server: node leaves the verdict on the client's chain to whoever made it. */
interface VerifyingSocket {
  readonly _handle?: { verifyError?(): NodeJS.ErrnoException | null | undefined } | null;
}

/** `failed` is told of what goes wrong at any time, `done` once when the handshake is over; nobody has looked at the chain then. */
export function serverTls(
  socket: net.Socket,
  context: PortableTlsContext,
  failed: (error: NodeJS.ErrnoException) => void,
  done: () => void,
): tls.TLSSocket {
  const stream = new tls.TLSSocket(socket, {
    isServer: true,
    secureContext: context.secure,
    requestCert: context.verifies,
    // `refusalOf` judges everything: where OpenSSL refuses, node closes in an order that looks like a mere end to the client.
    rejectUnauthorized: false,
    ALPNProtocols: context.alpn.length > 0 ? context.alpn : undefined,
  });
  // node reports TLS failures of a socket without a tls.Server here only, and leaves it open.
  stream.on('_tlsError', (error: NodeJS.ErrnoException) => {
    failed(error);
    stream.destroy();
  });
  stream.once('secure', done);
  return stream;
}

/** `done`: the handshake is over and node has verified the chain. */
export function clientTls(
  socket: net.Socket,
  context: PortableTlsContext,
  serverName: string,
  done: () => void,
): tls.TLSSocket {
  const stream = tls.connect({
    socket,
    secureContext: context.secure,
    servername: serverName,
    ALPNProtocols: context.alpn.length > 0 ? context.alpn : undefined,
    rejectUnauthorized: context.verifies,
    // Who the peer should be is decided by stage `secure`, from its URI.
    checkServerIdentity: () => undefined,
  });
  stream.once('secureConnect', done);
  return stream;
}

/** Why the peer is not let in, with the certificate that it showed: what node makes of its chain. Without a verdict nobody is. */
export function refusalOf(
  stream: tls.TLSSocket,
  certificate: X509Certificate | undefined,
  context: PortableTlsContext,
): Error | undefined {
  if (!context.verifies) return undefined;
  if (certificate === undefined) {
    return context.side === 'client' || context.requirePeerCertificate
      ? new Error('the peer showed no certificate')
      : undefined;
  }
  const handle = (stream as VerifyingSocket)._handle;
  if (typeof handle?.verifyError !== 'function') {
    return new Error('this version of Node does not tell whether the chain is right');
  }
  return handle.verifyError() ?? undefined;
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
