/**
 * From changes of resources and identity to configurations of the proxy. Changes that come together are one; while the proxy takes one, the next waits.
 *
 *     idle -- changed --> quiet -- APPLY_QUIET_MS --> applying -- done, nothing new --> idle
 *                           ^                          |  ^ '-- failed --> failed -- APPLY_RETRY_MS --> applying
 *                           |                          '--' changed meanwhile |
 *                           '-- changed: it may mend what failed -------------'
 */
import {
  ConfigError,
  checkConfig,
  createProxy,
  type Proxy as DataPlaneProxy,
  type ProxyConfig,
  type ProxyOptions,
} from '@tulle/proxy-core';
import type { Identity } from './identity/credentials.js';
import { APPLY_QUIET_MS, APPLY_RETRY_MS } from './limits.js';
import type { Outside } from './outside.js';
import { culpritsOf } from './translate/culprits.js';
import { type Assembled, assemble, type OwnFacts } from './translate/proxy-config.js';
import { titleOf } from './translate/resources.js';
import type { ResourceStore, SavedResources } from './xds/resource-store.js';

export interface ConfigLoopOptions {
  readonly store: ResourceStore;
  readonly identity: () => Identity | undefined;
  readonly facts: Omit<OwnFacts, 'identity'>;
  readonly proxy: ProxyOptions;
  /** The proxy has taken a configuration that was made of these resources. */
  readonly onApplied: (saved: SavedResources) => void;
  /** So many resources do not go together with others, and are left out. */
  readonly onSetAside: (count: number) => void;
  /** The proxy could not be started. */
  readonly onFatal: (error: Error) => void;
  readonly outside: Outside;
}

export class ConfigLoop {
  private readonly options: ConfigLoopOptions;
  private running: DataPlaneProxy | undefined;
  private taken: ProxyConfig | undefined;
  private state: 'idle' | 'quiet' | 'applying' | 'changed' | 'failed' | 'stopped' = 'idle';
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
    if (this.state !== 'idle' && this.state !== 'failed') return;
    this.cancel();
    this.beginIn(APPLY_QUIET_MS, 'quiet');
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
    const { log } = this.options.outside;
    if (this.running === undefined && !(error instanceof ConfigError)) {
      this.state = 'stopped';
      this.options.onFatal(error);
      return;
    }
    log.error(
      { reason: error.message, waitMs: APPLY_RETRY_MS },
      'the proxy could not take a configuration; the last one stays until this one can be taken or another comes',
    );
    if (this.state === 'changed') this.beginIn(APPLY_QUIET_MS, 'quiet');
    else if (this.state === 'applying') this.beginIn(APPLY_RETRY_MS, 'failed');
  }

  private beginIn(ms: number, state: 'quiet' | 'failed'): void {
    this.state = state;
    this.cancel = this.options.outside.setTimer(ms, () => this.begin());
  }

  private async apply(): Promise<void> {
    const { store, facts, identity, outside, onApplied } = this.options;
    const current = identity();
    if (current === undefined || !store.hasBegun()) return;
    const assembled = this.assemble({ ...facts, identity: current });
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

  /** What does not go together is left out, and the rest goes on: each round leaves out at least one resource. */
  private assemble(facts: OwnFacts): Assembled {
    const { store, outside, onSetAside } = this.options;
    for (;;) {
      const parts = store.parts();
      const assembled = assemble(parts, facts, store);
      if ('missing' in assembled) return assembled;
      try {
        checkConfig(assembled.config);
        return assembled;
      } catch (error) {
        const culprits = error instanceof ConfigError ? culpritsOf(error, assembled.config, parts) : [];
        if (culprits.length === 0) throw error;
        for (const { type, name, why } of culprits) {
          store.setAside(type, name);
          outside.log.error(
            { resource: titleOf(type, name), reason: why },
            'does not go together with others: left out',
          );
        }
        onSetAside(culprits.length);
      }
    }
  }
}
