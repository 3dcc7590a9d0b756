/** The bound sockets of one data thread. A listener whose address stays keeps its socket through every change, a change of its name too; its chains are swapped. */
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
  /** It accepts no more, and its chains are those of the last configuration that had it: nothing new may begin by them. */
  readonly isRemoved: boolean;
}

export interface ListenerOwner {
  accepted(listener: Listener, connection: Connection): void;
  acceptFailed(listener: Listener, error: IoError): void;
  /** What is open on it should come to an end. */
  removed(listener: Listener): void;
}

class Bound implements Listener, Acceptor {
  name: string;
  config: ListenerConfig;
  chains: ChainIndex;
  isRemoved = false;
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
  private bound: ReadonlySet<Bound> = new Set();

  constructor(io: Io, owner: ListenerOwner, reusePort: boolean) {
    this.io = io;
    this.owner = owner;
    this.reusePort = reusePort;
  }

  /** Binds what is new, swaps the chains of what stays, closes what is gone. Throws `IoFailure` when a port is taken; then nothing has changed. */
  apply(compiled: readonly CompiledListener[]): void {
    const kept = this.keep(compiled);
    const fresh: Bound[] = [];
    try {
      for (const each of compiled) {
        if (!kept.has(each)) fresh.push(new Bound(this.io, this.owner, each, this.reusePort));
      }
    } catch (error) {
      for (const listener of fresh) listener.socket.close();
      throw error;
    }
    for (const [{ config, chains }, listener] of kept) {
      listener.name = config.name;
      listener.config = config;
      listener.chains = chains;
    }
    const next = new Set([...fresh, ...kept.values()]);
    for (const listener of this.bound) {
      if (next.has(listener)) continue;
      listener.socket.close();
      listener.isRemoved = true;
      this.owner.removed(listener);
    }
    this.bound = next;
  }

  /** Where each listener is bound, with the ports that the kernel chose. */
  addresses(): { name: string; address: SocketAddress }[] {
    return [...this.bound].map(({ name, socket }) => ({ name, address: socket.address }));
  }

  /** Stops accepting; open connections stay. */
  close(): void {
    for (const listener of this.bound) listener.socket.close();
    this.bound = new Set();
  }

  /** Which sockets go on under which settings: those of the same name and address, then those whose address another name has taken over. */
  private keep(compiled: readonly CompiledListener[]): Map<CompiledListener, Bound> {
    const kept = new Map<CompiledListener, Bound>();
    const left = new Set(this.bound);
    const match = (isSame: (bound: Bound, config: ListenerConfig) => boolean): void => {
      for (const each of compiled) {
        if (kept.has(each)) continue;
        const { config } = each;
        const bound = [...left].find(
          (one) =>
            one.config.direction === config.direction &&
            one.config.destination === config.destination &&
            isSame(one, config),
        );
        if (bound === undefined) continue;
        left.delete(bound);
        kept.set(each, bound);
      }
    };
    match((one, { name, bind }) => one.name === name && formatAddress(one.config.bind) === formatAddress(bind));
    match((one, { bind }) => formatAddress(one.socket.address) === formatAddress(bind));
    return kept;
  }
}
