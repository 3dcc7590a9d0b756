/**
 * From changes of resources and identity to configurations of the proxy. Changes that come together are one; while the proxy takes one, the next waits.
 *
 *     idle -- changed --> quiet -- APPLY_QUIET_MS --> applying -- done, nothing new --> idle
 *                                                      |  ^ '-- failed: again after APPLY_RETRY_MS
 *                                                      '--' changed meanwhile
 */
import {
  ConfigError,
  createProxy,
  type Proxy as DataPlaneProxy,
  type ProxyConfig,
  type ProxyOptions,
} from '@tulle/proxy-core';
import type { Identity } from './identity/credentials.js';
import { APPLY_QUIET_MS, APPLY_RETRY_MS } from './limits.js';
import type { Outside } from './outside.js';
import { assemble, type OwnFacts } from './translate/proxy-config.js';
import type { ResourceStore, SavedResources } from './xds/resource-store.js';

export interface ConfigLoopOptions {
  readonly store: ResourceStore;
  readonly identity: () => Identity | undefined;
  readonly facts: Omit<OwnFacts, 'identity'>;
  readonly proxy: ProxyOptions;
  /** The proxy has taken a configuration that was made of these resources. */
  readonly onApplied: (saved: SavedResources) => void;
  /** The proxy could not be started. */
  readonly onFatal: (error: Error) => void;
  readonly outside: Outside;
}

export class ConfigLoop {
  private readonly options: ConfigLoopOptions;
  private running: DataPlaneProxy | undefined;
  private taken: ProxyConfig | undefined;
  private state: 'idle' | 'quiet' | 'applying' | 'changed' | 'stopped' = 'idle';
  private cancel: () => void = () => {};
  private lastMissing = '';
  private work: Promise<void> = Promise.resolve();
  updates = 0;
  failures = 0;
  lastUpdateMs: number | undefined = undefined;

  constructor(options: ConfigLoopOptions) {
    this.options = options;
  }

  /** The proxy, once it runs. */
  get proxy(): DataPlaneProxy | undefined {
    return this.running;
  }

  /** What it has taken last. */
  get config(): ProxyConfig | undefined {
    return this.taken;
  }

  changed(): void {
    if (this.state === 'applying') this.state = 'changed';
    if (this.state !== 'idle') return;
    this.state = 'quiet';
    this.cancel = this.options.outside.setTimer(APPLY_QUIET_MS, () => this.begin());
  }

  /** Takes no further change; resolves when the proxy is done with the last. */
  async stop(): Promise<void> {
    this.cancel();
    this.state = 'stopped';
    await this.work;
  }

  private begin(): void {
    this.state = 'applying';
    this.work = this.apply().then(
      () => this.next(),
      (error: Error) => this.failed(error),
    );
  }

  private next(): void {
    if (this.state === 'changed') this.begin();
    else if (this.state === 'applying') this.state = 'idle';
  }

  private failed(error: Error): void {
    this.failures++;
    const { log, setTimer } = this.options.outside;
    if (this.running === undefined && !(error instanceof ConfigError)) {
      this.state = 'stopped';
      this.options.onFatal(error);
      return;
    }
    log.error(
      { reason: error.message, waitMs: APPLY_RETRY_MS },
      'the proxy could not take a configuration; the last one stays',
    );
    if (this.state === 'stopped') return;
    this.state = 'quiet';
    this.cancel = setTimer(APPLY_RETRY_MS, () => this.begin());
  }

  private async apply(): Promise<void> {
    const { store, facts, identity, outside, onApplied } = this.options;
    const current = identity();
    if (current === undefined || !store.hasBegun()) return;
    const assembled = assemble(store.parts(), { ...facts, identity: current }, store);
    if ('missing' in assembled) {
      const missing = assembled.missing.join(', ');
      if (missing !== this.lastMissing) outside.log.info({ missing }, 'waiting for what the configuration refers to');
      this.lastMissing = missing;
      return;
    }
    this.lastMissing = '';
    const saved = store.save();
    const { config } = assembled;
    if (this.running === undefined) this.running = await createProxy(config, this.options.proxy);
    else await this.running.update(config);
    this.taken = config;
    this.updates++;
    this.lastUpdateMs = outside.now();
    onApplied(saved);
  }
}
