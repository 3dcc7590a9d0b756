/** All of a sidecar: what it is made of, and the order in which it starts and ends. */
import { X509Certificate } from 'node:crypto';
import { formatAddress } from '@tulle/proxy-core';
import { type NodeFacts, nodeId, spiffeId } from '@tulle/xds';
import { withoutSecrets } from './admin/dump.js';
import { jsonPage, type Listening, type Page, type Pages, servePages, textPage } from './admin/http.js';
import { renderSidecarMetrics } from './admin/metrics.js';
import type { Bootstrap } from './bootstrap.js';
import { ConfigLoop } from './config-loop.js';
import { drainProxy } from './drain.js';
import type { Identity } from './identity/credentials.js';
import { IdentityKeeper } from './identity/keeper.js';
import { obtainIdentity } from './identity/obtain.js';
import type { Outside } from './outside.js';
import { StateDir } from './state/state-dir.js';
import { AdsConnection } from './xds/ads-client.js';
import { ResourceStore } from './xds/resource-store.js';

export interface SidecarOptions {
  readonly bootstrap: Bootstrap;
  /** The roots that the control plane's certificate chains to; read again at each connect. */
  readonly rootsPem: () => string;
  /** Of this program. */
  readonly version: string;
  /** POST /drain was asked for. */
  readonly onDrainAsked: () => void;
  readonly outside: Outside;
}

export interface Sidecar {
  /** Resolves when it serves: it has a certificate and its listeners. Rejects when the proxy cannot be started. */
  readonly ready: Promise<void>;
  /** Where it serves, by listener and page. */
  addresses(): Readonly<Record<string, string>>;
  /** Ends after what is under way. */
  drain(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
}

/**
 * Starts: pages first, so that it can be asked how it is; then the last good configuration from disk, with the identity that is there, be it expired;
 * beside that a connection to the control plane.
 * @throws StateDirError, ListenError
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const sidecar = new RunningSidecar(options);
  try {
    await sidecar.start();
  } catch (error) {
    await sidecar.close();
    throw error;
  }
  return sidecar;
}

class RunningSidecar implements Sidecar {
  readonly ready: Promise<void>;
  private readonly options: SidecarOptions;
  private readonly node: NodeFacts;
  private readonly id: string;
  private readonly store: ResourceStore = new ResourceStore();
  private readonly keeper: IdentityKeeper;
  private readonly loop: ConfigLoop;
  private readonly ads: AdsConnection;
  private readonly pages: Map<string, Listening> = new Map();
  private stateDir: StateDir | undefined;
  private isConnected = false;
  private isDialling = false;
  private isDraining = false;
  private refusals = 0;
  private becameReady: () => void = () => {};

  constructor(options: SidecarOptions) {
    const { bootstrap, rootsPem, version, outside } = options;
    const { trustDomain, controlPlane, interception } = bootstrap;
    this.options = options;
    this.node = { ...bootstrap.node, interception: interception === 'redirect' ? 'REDIRECT' : 'NONE' };
    this.id = spiffeId({ ...bootstrap.node, trustDomain });
    let failed: (error: Error) => void = () => {};
    this.ready = new Promise((resolve, reject) => {
      this.becameReady = resolve;
      failed = reject;
    });
    this.ready.catch(() => {}); // Whoever waits for it is told; nobody need.
    const { certificates: address, serverName } = controlPlane;
    const { tokenFile } = bootstrap;
    this.keeper = new IdentityKeeper({
      obtain: () =>
        obtainIdentity({ address, serverName, trustDomain, spiffeId: this.id, tokenFile, rootsPem, now: outside.now }),
      onChange: (identity) => this.identityChanged(identity),
      outside,
    });
    this.loop = new ConfigLoop({
      store: this.store,
      identity: () => this.keeper.current(),
      facts: {
        trustDomain,
        podIp: bootstrap.node.podIp,
        isRedirected: interception === 'redirect',
        outboundProxy: bootstrap.outboundProxy,
        accessLog: { target: bootstrap.accessLog, format: 'json' },
      },
      proxy: {
        engine: bootstrap.engine,
        concurrency: bootstrap.concurrency,
        ...(bootstrap.socketMark === undefined ? {} : { socketMark: bootstrap.socketMark }),
        onWarning: (message) => outside.log.warn({}, message),
        onDeath: (error) => {
          outside.log.fatal(
            { err: error },
            'a data thread has died, which is a fault of its own; started again, the sidecar goes on',
          );
          process.exit(1);
        },
      },
      onApplied: (saved) => {
        this.stateDir?.saveResources(() => saved);
        this.becameReady();
      },
      onSetAside: (count) => {
        this.refusals += count;
      },
      onFatal: failed,
      outside,
    });
    this.ads = new AdsConnection({
      address: controlPlane.ads,
      serverName,
      trustDomain,
      node: this.node,
      version,
      store: this.store,
      credentials: () => this.keeper.current()!, // It is started when there is an identity, and none is ever taken away.
      rootsPem,
      events: {
        changed: () => this.loop.changed(),
        refused: (count) => {
          this.refusals += count;
        },
        connected: (isConnected) => {
          this.isConnected = isConnected;
        },
      },
      outside,
    });
  }

  async start(): Promise<void> {
    const { bootstrap, outside } = this.options;
    const { log } = outside;
    await this.servePages();
    this.stateDir = await StateDir.open({
      path: bootstrap.stateDir,
      spiffeId: this.id,
      node: nodeId(this.node),
      outside,
    });
    const identity = await this.stateDir.identity();
    const saved = identity === undefined ? undefined : await this.stateDir.resources();
    if (saved !== undefined) {
      const refusals = this.store.restore(saved);
      if (refusals.length > 0) log.warn({ refusals }, 'some of the saved configuration is of no use');
      log.info({ versions: saved.versions }, 'starting with the last good configuration');
      this.loop.changed();
    }
    this.keeper.start(identity);
    if (identity !== undefined) this.dial();
  }

  addresses(): Readonly<Record<string, string>> {
    const bound = this.loop.proxy?.addresses() ?? [];
    return Object.fromEntries([
      ...bound.map(({ name, address }) => [name, formatAddress(address)]),
      ...[...this.pages].map(([name, { address }]) => [name, formatAddress(address)]),
    ]);
  }

  async drain(): Promise<void> {
    this.isDraining = true;
    this.keeper.close();
    this.ads.close();
    await this.loop.stop();
    const { proxy, config } = this.loop;
    if (proxy !== undefined && config !== undefined) await drainProxy(proxy, config, this.options.outside);
    await this.endPages();
  }

  async close(): Promise<void> {
    this.keeper.close();
    this.ads.close();
    await this.loop.stop();
    await this.loop.proxy?.close();
    await this.endPages();
  }

  private async endPages(): Promise<void> {
    await this.stateDir?.close();
    await Promise.all([...this.pages.values()].map((pages) => pages.close()));
  }

  private identityChanged(identity: Identity): void {
    void this.stateDir?.saveIdentity(identity);
    this.dial();
    this.loop.changed();
  }

  private dial(): void {
    if (this.isDialling) return;
    this.isDialling = true;
    this.ads.start();
  }

  private async servePages(): Promise<void> {
    const { bootstrap } = this.options;
    const ready = (): Page => this.readyPage();
    const admin: Pages = {
      'GET /ready': ready,
      'GET /config_dump': () => this.configPage(),
      'GET /stats': () => textPage(200, this.metrics()),
      'GET /clusters': async () => jsonPage((await this.loop.proxy?.clusters()) ?? []),
      'GET /listeners': () => jsonPage(this.loop.proxy?.addresses() ?? []),
      'GET /certs': () => this.certificatesPage(),
      'POST /drain': () => {
        this.options.onDrainAsked();
        return textPage(202, 'draining\n');
      },
    };
    const live = (): Page => textPage(200, 'live\n');
    const metrics = (): Page => textPage(200, this.metrics(), 'text/plain; version=0.0.4; charset=utf-8');
    this.pages.set('admin', await servePages('admin', bootstrap.admin, admin));
    this.pages.set('health', await servePages('health', bootstrap.health, { 'GET /ready': ready, 'GET /live': live }));
    this.pages.set('metrics', await servePages('metrics', bootstrap.metrics, { 'GET /metrics': metrics }));
  }

  /** A certificate that has ended keeps a sidecar ready: to take all pods away when the control plane is gone for an hour would end what still works. */
  private readyPage(): Page {
    if (this.isDraining) return textPage(503, 'draining\n');
    if (this.keeper.current() === undefined) return textPage(503, 'no certificate yet\n');
    if (this.loop.config === undefined) return textPage(503, 'no configuration yet\n');
    return textPage(200, 'ready\n');
  }

  private configPage(): Page {
    const { config, lastUpdateMs } = this.loop;
    return jsonPage({
      node: nodeId(this.node),
      controlPlane: { address: this.options.bootstrap.controlPlane.ads, connected: this.isConnected },
      versions: this.store.save().versions,
      lastUpdate: lastUpdateMs === undefined ? null : new Date(lastUpdateMs).toISOString(),
      config: config === undefined ? null : withoutSecrets(config),
    });
  }

  private certificatesPage(): Page {
    const identity = this.keeper.current();
    if (identity === undefined) return jsonPage([]);
    const { serialNumber, fingerprint256 } = new X509Certificate(identity.certificateChainPem);
    const { spiffeId: subject, notAfterMs, issuedAtMs } = identity;
    const [notAfter, issuedAt] = [notAfterMs, issuedAtMs].map((ms) => new Date(ms).toISOString());
    return jsonPage([{ name: 'identity', subject, notAfter, issuedAt, serialNumber, fingerprint256 }]);
  }

  private metrics(): string {
    const { updates, failures, lastUpdateMs, proxy } = this.loop;
    const { user, system } = process.cpuUsage();
    const own = renderSidecarMetrics({
      isConnected: this.isConnected,
      lastUpdateMs,
      updates,
      refusals: this.refusals,
      failedUpdates: failures,
      certificateNotAfterMs: this.keeper.current()?.notAfterMs,
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    });
    return (proxy?.metrics() ?? '') + own;
  }
}
