/**
 * TLS contexts by what they are made of: equal settings share one, changed settings (a renewed certificate, another root) are a new one, and open connections keep
 * theirs. A connection pool is tied to a context's key, so no connection is reused under another identity or trust.
 */
import type { ClientTlsConfig, ProxyConfig, ServerTlsConfig } from '../config/config.js';
import { type Io, IoFailure, type TlsContext, type TlsContextOptions } from '../io/io.js';
import type { PeerExpectation } from './peer.js';
import type { ServerTls } from './server-tls.js';

export interface ClientTls {
  readonly context: TlsContext;
  readonly serverName: string;
  readonly trustDomain: string | undefined;
  readonly allowedUris: readonly string[];
}

interface Entry {
  readonly context: TlsContext;
  /** Configurations, counted: the one it was made for, and the last that asked for it. */
  readonly madeIn: number;
  usedIn: number;
}

export class Contexts {
  private readonly io: Pick<Io, 'tlsContext'>;
  private readonly entries: Map<string, Entry> = new Map();
  private generation = 0;
  private config: Pick<ProxyConfig, 'identities' | 'trust'> = { identities: [], trust: [] };
  private previous: Pick<ProxyConfig, 'identities' | 'trust'> = this.config;

  constructor(io: Pick<Io, 'tlsContext'>) {
    this.io = io;
  }

  /** From now on contexts are made of these secrets, until `commit` or `rollback`. */
  begin(config: Pick<ProxyConfig, 'identities' | 'trust'>): void {
    this.generation++;
    this.previous = this.config;
    this.config = config;
  }

  /** The configuration just begun is in force: releases what it did not ask for. */
  commit(): void {
    for (const [key, entry] of this.entries) if (entry.usedIn !== this.generation) this.release(key, entry);
  }

  /** The configuration just begun came to nothing: releases what was made for it alone. */
  rollback(): void {
    for (const [key, entry] of this.entries) if (entry.madeIn === this.generation) this.release(key, entry);
    this.config = this.previous;
  }

  client(tls: ClientTlsConfig): ClientTls {
    const identity = this.config.identities.find(({ name }) => name === tls.identity);
    const trust = this.config.trust.find(({ name }) => name === tls.trust);
    const context = this.context(tls.identity, tls.trust, {
      side: 'client',
      certificateChainPem: identity?.certificateChainPem,
      privateKeyPem: identity?.privateKeyPem,
      trustPem: trust?.caPem,
      requirePeerCertificate: true,
      alpn: tls.alpn,
    });
    return {
      context,
      serverName: tls.serverName ?? '',
      trustDomain: trust?.trustDomain,
      allowedUris: tls.allowedUris ?? [],
    };
  }

  /** `alpn` is the union of what all chains of the destination serve: the context is chosen before the protocol is known. */
  server(tls: ServerTlsConfig, alpn: readonly string[]): ServerTls {
    const identity = this.config.identities.find(({ name }) => name === tls.identity);
    const trust = this.config.trust.find(({ name }) => name === tls.clientTrust);
    const context = this.context(tls.identity, tls.clientTrust, {
      side: 'server',
      certificateChainPem: identity?.certificateChainPem,
      privateKeyPem: identity?.privateKeyPem,
      trustPem: trust?.caPem,
      requirePeerCertificate: tls.requireClientCertificate,
      alpn,
    });
    const expected: PeerExpectation | undefined =
      trust === undefined ? undefined : { trustDomain: trust.trustDomain, allowedUris: tls.allowedUris ?? [] };
    return { context, requireClientCertificate: tls.requireClientCertificate, expected };
  }

  close(): void {
    for (const { context } of this.entries.values()) context.release();
    this.entries.clear();
  }

  private context(identity: string | undefined, trust: string | undefined, options: TlsContextOptions): TlsContext {
    const key = JSON.stringify(options);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { context: this.made(identity, trust, options), madeIn: this.generation, usedIn: this.generation };
      this.entries.set(key, entry);
    }
    entry.usedIn = this.generation;
    return entry.context;
  }

  /** @throws IoFailure with the names by which the configuration has what cannot be used. */
  private made(identity: string | undefined, trust: string | undefined, options: TlsContextOptions): TlsContext {
    try {
      return this.io.tlsContext(options);
    } catch (error) {
      if (!(error instanceof IoFailure)) throw error;
      const names = [identity && `identity ${identity}`, trust && `trust ${trust}`].filter(Boolean).join(', ');
      const towards = options.side === 'server' ? 'clients' : 'upstreams';
      throw new IoFailure({
        code: error.code,
        errno: error.errno,
        message: `TLS towards ${towards} (${names}): ${error.message}`,
      });
    }
  }

  private release(key: string, { context }: Entry): void {
    this.entries.delete(key);
    context.release();
  }
}
