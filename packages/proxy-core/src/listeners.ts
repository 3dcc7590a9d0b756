/** The bound sockets of one data thread. A listener whose address stays keeps its socket through every change; its chains are swapped. */
import { formatAddress, type SocketAddress } from './address.js';
import type { CompiledListener } from './compile.js';
import type { ListenerConfig } from './config/config.js';
import type { Acceptor, Connection, Io, IoError, ListenSocket } from './io/io.js';
import type { ChainIndex } from './listen/chains.js';

/** Connections that wait to be accepted: a burst of a whole second at a high rate; the kernel's somaxconn (4096) caps it. */
const backlog = 4_096;

/** A listener at run time, as directions see it. */
export interface Listener {
  readonly name: string;
  readonly config: ListenerConfig;
  /** Of the configuration of now. */
  readonly chains: ChainIndex;
}

export interface ListenerOwner {
  accepted(listener: Listener, connection: Connection): void;
  acceptFailed(listener: Listener, error: IoError): void;
}

class Bound implements Listener, Acceptor {
  readonly name: string;
  config: ListenerConfig;
  chains: ChainIndex;
  readonly socket: ListenSocket;
  private readonly owner: ListenerOwner;

  constructor(io: Io, owner: ListenerOwner, compiled: CompiledListener, reusePort: boolean) {
    this.name = compiled.config.name;
    this.config = compiled.config;
    this.chains = compiled.chains;
    this.owner = owner;
    const original = compiled.config.destination === 'original';
    this.socket = io.listen({ address: compiled.config.bind, original, backlog, reusePort }, this);
  }

  onAccept(connection: Connection): void {
    this.owner.accepted(this, connection);
  }

  onAcceptError(error: IoError): void {
    this.owner.acceptFailed(this, error);
  }
}

export class Listeners {
  private readonly io: Io;
  private readonly owner: ListenerOwner;
  private readonly reusePort: boolean;
  private readonly bound: Map<string, Bound> = new Map();

  constructor(io: Io, owner: ListenerOwner, reusePort: boolean) {
    this.io = io;
    this.owner = owner;
    this.reusePort = reusePort;
  }

  /** Binds what is new, swaps the chains of what stays, closes what is gone. Throws `IoFailure` when a port is taken; then nothing has changed. */
  apply(compiled: readonly CompiledListener[]): void {
    const fresh: Bound[] = [];
    try {
      for (const each of compiled) {
        if (this.keeps(each) === undefined) fresh.push(new Bound(this.io, this.owner, each, this.reusePort));
      }
    } catch (error) {
      for (const listener of fresh) listener.socket.close();
      throw error;
    }
    const next = new Map<string, Bound>(fresh.map((listener) => [listener.name, listener]));
    for (const each of compiled) {
      const kept = this.keeps(each);
      if (kept === undefined) continue;
      kept.config = each.config;
      kept.chains = each.chains;
      next.set(kept.name, kept);
    }
    for (const [name, listener] of this.bound) if (next.get(name) !== listener) listener.socket.close();
    this.bound.clear();
    for (const [name, listener] of next) this.bound.set(name, listener);
  }

  /** Where each listener is bound, with the ports that the kernel chose. */
  addresses(): { name: string; address: SocketAddress }[] {
    return [...this.bound.values()].map(({ name, socket }) => ({ name, address: socket.address }));
  }

  /** Stops accepting; open connections stay. */
  close(): void {
    for (const listener of this.bound.values()) listener.socket.close();
    this.bound.clear();
  }

  private keeps({ config }: CompiledListener): Bound | undefined {
    const existing = this.bound.get(config.name);
    const isSame =
      existing !== undefined &&
      formatAddress(existing.config.bind) === formatAddress(config.bind) &&
      existing.config.direction === config.direction &&
      existing.config.destination === config.destination;
    return isSame ? existing : undefined;
  }
}
