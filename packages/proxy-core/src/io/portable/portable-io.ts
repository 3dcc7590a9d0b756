/** `Io` over node:net and node:tls, for the machines on which the native engine does not run. Same behaviour, slower. */
import net from 'node:net';
import { formatAddress, type SocketAddress } from '../../address.js';
import type { Limits } from '../../limits.js';
import type {
  Acceptor,
  Clock,
  Connection,
  ConnectionHandler,
  ConnectOptions,
  Io,
  ListenOptions,
  ListenSocket,
  TlsContext,
  TlsContextOptions,
} from '../io.js';
import { listenNow } from './bind.js';
import { PortableConnection } from './connection.js';
import { toIoError } from './errno.js';
import { NodeDrivenWheel } from './node-wheel.js';
import { originalDestination } from './original-destination.js';
import { PortableTlsContext } from './tls-context.js';

const clock: Clock = {
  nowMs: () => performance.now(),
  turnMs: () => performance.now(),
  wallMs: (monotonicMs) => performance.timeOrigin + monotonicMs,
};

/** An `Io` in node's own loop. `close` destroys everything it holds, without callbacks. */
export function createPortableIo(options: { readonly limits: Limits }): Io & { close(): void } {
  return new PortableIo(options.limits);
}

class PortableIo implements Io {
  readonly engine = 'portable';
  readonly clock: Clock = clock;
  readonly timers: NodeDrivenWheel = new NodeDrivenWheel(clock.nowMs);
  private readonly limits: Limits;
  private readonly servers = new Set<net.Server>();
  private readonly connections = new Set<PortableConnection>();
  private nextId = 1;
  private nextContext = 1;
  private atEnd: (() => void)[] = [];
  private readonly runAtEnd = (): void => {
    const callbacks = this.atEnd;
    this.atEnd = [];
    for (const callback of callbacks) callback();
  };

  constructor(limits: Limits) {
    this.limits = limits;
  }

  random(): number {
    return Math.random();
  }

  listen(options: ListenOptions, acceptor: Acceptor): ListenSocket {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => this.accepted(socket, options, acceptor));
    server.on('error', (error) => {
      acceptor.onAcceptError(toIoError(error, 'accept', `accept on ${formatAddress(options.address)}`));
    });
    listenNow(server, options);
    this.servers.add(server);
    const { address, port } = server.address() as net.AddressInfo;
    return {
      address: { host: plainHost(address), port },
      close: () => {
        this.servers.delete(server);
        server.close();
      },
    };
  }

  connect(options: ConnectOptions, handler: ConnectionHandler): Connection {
    const { host, port } = options.address;
    const socket = new net.Socket({ allowHalfOpen: true });
    socket.setNoDelay(true);
    const connection = new PortableConnection(this.nextId++, socket, this.limits, this, options.address);
    this.connections.add(connection);
    connection.connecting(options, handler);
    // A name would be looked up in DNS, which nobody asked for.
    if (net.isIP(host) === 0) socket.destroy(Object.assign(new Error('not an IP address'), { code: 'EINVAL' }));
    else socket.connect({ host, port });
    return connection;
  }

  tlsContext(options: TlsContextOptions): TlsContext {
    return new PortableTlsContext(`portable-${this.nextContext++}`, options);
  }

  atTurnEnd(callback: () => void): void {
    if (this.atEnd.length === 0) setImmediate(this.runAtEnd);
    this.atEnd.push(callback);
  }

  /** @internal of the connection: it is gone */
  forget(connection: PortableConnection): void {
    this.connections.delete(connection);
  }

  close(): void {
    for (const server of this.servers) server.close();
    this.servers.clear();
    for (const connection of this.connections) connection.destroy(false);
    this.timers.close();
  }

  private accepted(socket: net.Socket, options: ListenOptions, acceptor: Acceptor): void {
    const remote = addressOf(socket.remoteAddress, socket.remotePort);
    const local = addressOf(socket.localAddress, socket.localPort);
    // Reset before it was accepted: there is nobody to speak with.
    if (remote === undefined || local === undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const connection = new PortableConnection(this.nextId++, socket, this.limits, this, remote);
    this.connections.add(connection);
    const original = options.original ? originalDestination(descriptor(socket), net.isIPv6(remote.host)) : undefined;
    connection.accepted(local, original ?? local);
    acceptor.onAccept(connection);
  }
}

function addressOf(host: string | undefined, port: number | undefined): SocketAddress | undefined {
  return host === undefined || port === undefined ? undefined : { host: plainHost(host), port };
}

/** IPv4 as IPv4 even on a socket of both families, and no zone. */
export function plainHost(host: string): string {
  if (host.startsWith('::ffff:') && host.includes('.')) return host.slice(7);
  const zone = host.indexOf('%');
  return zone === -1 ? host : host.slice(0, zone);
}

/** The kernel's number of a socket, which node does not document; -1 where it cannot be had (Windows). */
function descriptor(socket: net.Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
}
