import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from '@tulle/api';
import { tokenIssuer } from '../cluster/tokens.js';
import { adminTimeoutMs, controlPlaneReadyDeadlineMs } from '../limits.js';
import { logExcerpt } from '../programs/log-files.js';
import { Program } from '../programs/program.js';
import type { Provider } from '../provider.js';
import type { StatePaths } from '../state/state-dir.js';
import { httpGet } from './http-probe.js';
import type { ControlPlaneView } from './settled.js';
import { waitUntil } from './wait-until.js';

/** The control plane as a program of the testbed. */
export class ControlPlane {
  readonly program: Program;
  readonly #provider: Provider;
  readonly #paths: StatePaths;

  constructor(
    provider: Provider,
    paths: StatePaths,
    options: {
      cli: readonly string[];
      config: readonly string[];
      logLevel: string;
      certificateLifeMs: number | null;
      env: Readonly<Record<string, string>>;
      started: (name: string, pid: number) => void;
      allowed: () => boolean;
      changed: () => void;
    },
  ) {
    this.#provider = provider;
    this.#paths = paths;
    const { ads, certificates, admin } = provider.controlPlane;
    const argv = [
      ...options.cli,
      'control-plane',
      ...[...options.config, paths.cluster].flatMap((folder) => ['--config', folder]),
      ...['--state', paths.controlPlaneState],
      ...['--ads', ads],
      ...['--certificates', certificates],
      ...['--admin', admin],
      ...['--token-issuer', tokenIssuer],
      ...['--token-jwks', paths.tokenJwks],
      ...['--log-level', options.logLevel],
      ...(options.certificateLifeMs === null ? [] : ['--certificate-life', `${options.certificateLifeMs}ms`]),
    ];
    this.program = new Program(
      {
        name: 'control-plane',
        argv: provider.controlPlaneCommand(argv),
        env: options.env,
        cwd: paths.root,
        logFile: paths.controlPlaneLog,
        started: (pid) => options.started('control-plane', pid),
        allowed: options.allowed,
      },
      options.changed,
    );
  }

  /** Starts it and waits until it serves; then publishes its root certificate, which every sidecar may read. */
  async start(): Promise<void> {
    await mkdir(this.#paths.controlPlaneState, { recursive: true, mode: 0o700 });
    await this.program.start();
    const ready = await waitUntil(
      () => this.ready(),
      controlPlaneReadyDeadlineMs,
      () => this.program.state.kind !== 'running',
    );
    if (!ready) {
      const { state } = this.program;
      const why =
        state.kind === 'running'
          ? `was not ready within ${controlPlaneReadyDeadlineMs / 1000} s`
          : `ended${'last' in state ? ` with ${state.last}` : ''}`;
      const log = this.#paths.controlPlaneLog;
      throw new Error(`the control plane ${why}; the end of ${log}:\n${await logExcerpt(log)}`);
    }
    await copyFile(join(this.#paths.controlPlaneState, 'root-cert.pem'), this.#paths.rootCert);
    await chmod(this.#paths.rootCert, 0o644);
  }

  async ready(): Promise<boolean> {
    return this.program.state.kind === 'running' && (await this.#ask('/ready'))?.status === 200;
  }

  /** What it tells sidecars, and which of them have taken it; null when it does not answer. */
  async view(): Promise<ControlPlaneView | null> {
    const [config, sidecars] = await Promise.all([this.#ask('/debug/config'), this.#ask('/debug/sidecars')]);
    if (config?.status !== 200 || sidecars?.status !== 200) return null;
    try {
      return { ...JSON.parse(config.body), sidecars: JSON.parse(sidecars.body) } as ControlPlaneView;
    } catch {
      return null;
    }
  }

  /** What it finds wrong with the configuration, and whether it serves an earlier one from disk; null when it does not answer. */
  async configuration(): Promise<{ problems: Problem[]; restoredFrom: string | null } | null> {
    const answer = await this.#ask('/debug/config');
    if (answer?.status !== 200) return null;
    try {
      const { problems = [], restoredFrom = null } = JSON.parse(answer.body) as {
        problems?: Problem[];
        restoredFrom?: string | null;
      };
      return { problems, restoredFrom };
    } catch {
      return null;
    }
  }

  #ask(path: string): ReturnType<typeof httpGet> {
    return httpGet(this.#provider.controlPlane.admin, path, adminTimeoutMs);
  }
}
