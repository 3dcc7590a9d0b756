import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { containerEnv } from '../cluster/container-env.js';
import { type DeclaredPod, keyOf } from '../cluster/declared.js';
import { shortName } from '../cluster/manifests.js';
import type { TokenSigner } from '../cluster/tokens.js';
import {
  applicationListenDeadlineMs,
  interceptionDeadlineMs,
  probeTimeoutMs,
  sidecarReadyDeadlineMs,
} from '../limits.js';
import { logExcerpt } from '../programs/log-files.js';
import { Program } from '../programs/program.js';
import { run } from '../programs/run.js';
import type { PodPlace, Provider } from '../provider.js';
import { writeAtomically } from '../state/atomic-write.js';
import { containerLog, type PodPaths } from '../state/state-dir.js';
import { httpGet } from './http-probe.js';
import { OneAtATime } from './one-at-a-time.js';
import { bootstrapOf, keepToken, makePodFolders } from './pod-files.js';
import { type Look, Readiness } from './readiness.js';
import { waitUntil } from './wait-until.js';

/** What a pod needs of the testbed around it. */
export interface PodSurroundings {
  provider: Provider;
  signer: TokenSigner;
  /** Null when there is no mesh: then no pod gets a sidecar. */
  mesh: { rootCert: string; cli: readonly string[] } | null;
  /** PATH, HOME and the mark of this run, for every program. */
  baseEnv: Readonly<Record<string, string>>;
  started: (name: string, pid: number) => void;
  /** False once the testbed ends. */
  allowed: () => boolean;
  changed: () => void;
  /** Says something about a matter; null: it is so no longer. */
  notice: (matter: string, text: string | null) => void;
}

/** Which programs of a pod are meant. */
export type PodPart = { kind: 'all' } | { kind: 'proxy' } | { kind: 'app' } | { kind: 'container'; name: string };

/** A pod that the testbed runs: its place, its sidecar and its containers, and whether it is ready. */
export class RunningPod {
  readonly pod: DeclaredPod;
  readonly paths: PodPaths;
  readonly place: PodPlace;
  readonly uid: string;
  readonly sidecar: Program | null;
  readonly containers: ReadonlyMap<string, Program>;
  sidecarReady: boolean = false;
  readonly #around: PodSurroundings;
  #endToken: () => void = () => {};
  /** One look after the other: an old one that ends late must not overrule what a newer one has seen. */
  readonly #looks: OneAtATime = new OneAtATime();
  readonly #readiness: Readiness = new Readiness();
  #isLeaving: boolean = false;

  constructor(pod: DeclaredPod, paths: PodPaths, place: PodPlace, around: PodSurroundings) {
    this.pod = pod;
    this.paths = paths;
    this.place = place;
    this.uid = randomUUID();
    this.#around = around;
    const name = shortName(pod);
    const program = (
      part: string,
      role: 'proxy' | 'application',
      folder: string,
      argv: readonly string[],
      env: Readonly<Record<string, string>>,
      logFile: string,
    ) =>
      new Program(
        {
          name: `${name}/${part}`,
          argv: place.command(role, folder, argv),
          env,
          logFile,
          started: (pid) => around.started(`${name}/${part}`, pid),
          allowed: around.allowed,
        },
        around.changed,
      );
    this.sidecar =
      pod.injected && around.mesh !== null
        ? program(
            'proxy',
            'proxy',
            around.provider.proxyPath(paths.proxy),
            [
              ...around.mesh.cli.map((path) => around.provider.proxyPath(path)),
              'sidecar',
              '--bootstrap',
              around.provider.proxyPath(paths.bootstrap),
            ],
            around.baseEnv,
            paths.proxyLog,
          )
        : null;
    this.containers = new Map(
      pod.containers.map((container) => {
        const folder = resolve(pod.folder, container.workingDir ?? '.');
        return [
          container.name,
          program(
            container.name,
            'application',
            folder,
            container.argv,
            this.envOf(container.name),
            containerLog(paths, container.name),
          ),
        ];
      }),
    );
  }

  get ready(): boolean {
    return this.#readiness.ready && !this.#isLeaving;
  }

  /** Why it is not ready; null when it is. */
  get reason(): string | null {
    return this.#isLeaving ? 'it is being removed' : this.#readiness.reason;
  }

  /** From now on it is no endpoint any more. */
  leave(): void {
    this.#isLeaving = true;
  }

  static async create(pod: DeclaredPod, paths: PodPaths, around: PodSurroundings): Promise<RunningPod> {
    await makePodFolders(paths, around.provider.proxyOwner);
    const place = await around.provider.place(pod, paths);
    return new RunningPod(pod, paths, place, around);
  }

  /** The environment of a container; the port it is told is the one it can have here. */
  envOf(container: string): Record<string, string> {
    const declared = this.pod.containers.find((candidate) => candidate.name === container) ?? this.pod.containers[0];
    const base = { ...this.#around.baseEnv, ...this.place.env('application') };
    const env = containerEnv(this.pod, declared, this.place.ip, base);
    for (const { containerPort } of declared.ports) {
      if (env.PORT === String(containerPort)) env.PORT = String(this.place.portOf(containerPort));
    }
    return env;
  }

  /** Brings up what the parts name, the sidecar first and the containers once it is ready. Throws when the sidecar does not become ready. */
  async start(part: PodPart = { kind: 'all' }): Promise<void> {
    if (this.sidecar !== null && (part.kind === 'all' || part.kind === 'proxy')) await this.#startSidecar(this.sidecar);
    for (const program of this.#containersOf(part)) await program.start();
    if (part.kind !== 'proxy') {
      await waitUntil(
        () => this.#allListen(),
        applicationListenDeadlineMs,
        () => this.#containerEnded(),
      );
    }
    await this.refresh();
  }

  async stop(part: PodPart = { kind: 'all' }): Promise<void> {
    // As the kubelet does with native sidecars: the applications go first, while their proxy still works.
    await Promise.all(this.#containersOf(part).map((program) => program.stop()));
    if (part.kind === 'all' || part.kind === 'proxy') await this.sidecar?.stop();
    await this.refresh();
  }

  async kill(part: PodPart = { kind: 'all' }): Promise<void> {
    const sidecar = part.kind === 'all' || part.kind === 'proxy' ? this.sidecar : null;
    await Promise.all([sidecar, ...this.#containersOf(part)].map((program) => program?.kill()));
    await this.refresh();
  }

  /** Ends everything and takes the pod's files with it. */
  async remove(): Promise<void> {
    this.#endToken();
    await this.stop();
    await this.place.close();
    await rm(this.paths.root, { recursive: true, force: true });
  }

  /** Looks again whether the pod is ready, and says so when that has changed. */
  refresh(): Promise<void> {
    return this.#looks.run(async () => {
      const { sidecarReady, ...look } = await this.#look();
      const before = `${this.ready} ${this.sidecarReady}`;
      if (this.#readiness.take(look)) this.sidecarReady = sidecarReady;
      if (before !== `${this.ready} ${this.sidecarReady}`) this.#around.changed();
    });
  }

  async #startSidecar(sidecar: Program): Promise<void> {
    const { mesh, provider, signer } = this.#around;
    if (mesh === null) return;
    this.#endToken();
    this.#endToken = await keepToken(this.pod, this.uid, this.paths, provider.proxyOwner, signer, (text) =>
      this.#around.notice(`token ${keyOf(this.pod)}`, text),
    );
    const bootstrap = bootstrapOf(this.pod, this.place, this.paths, provider, mesh.rootCert);
    const mode = { mode: 0o600, owner: provider.proxyOwner ?? undefined };
    await writeAtomically(this.paths.bootstrap, `${JSON.stringify(bootstrap, null, 2)}\n`, mode);
    await this.#applyInterception(mesh.cli);
    await sidecar.start();
    const ready = await waitUntil(
      () => this.#sidecarAnswers(),
      sidecarReadyDeadlineMs,
      () => sidecar.state.kind !== 'running',
    );
    if (ready) return;
    const state = sidecar.state;
    const why =
      state.kind === 'running'
        ? `its sidecar was not ready within ${sidecarReadyDeadlineMs / 1000} s`
        : `its sidecar ended${'last' in state ? ` with ${state.last}` : ''}`;
    throw new Error(
      `pod ${keyOf(this.pod)}: ${why}; the end of ${this.paths.proxyLog}:\n${await logExcerpt(this.paths.proxyLog)}`,
    );
  }

  /** As an init container would: before anything else runs in the pod, with its network. */
  async #applyInterception(cli: readonly string[]): Promise<void> {
    const rules = this.#around.provider.interceptionRules(this.pod);
    if (rules === null) return;
    await writeAtomically(this.paths.rules, `${JSON.stringify(rules, null, 2)}\n`);
    const argv = [...cli, 'interception', 'apply', '--rules', this.paths.rules];
    await run(this.place.command('application', this.paths.root, argv), {
      deadlineMs: interceptionDeadlineMs,
      env: this.#around.baseEnv,
    }).catch((error: Error) => {
      throw new Error(`pod ${keyOf(this.pod)}: its redirect rules were not set: ${error.message}`);
    });
  }

  #containersOf(part: PodPart): Program[] {
    if (part.kind === 'proxy') return [];
    if (part.kind !== 'container') return [...this.containers.values()];
    const program = this.containers.get(part.name);
    return program === undefined ? [] : [program];
  }

  async #sidecarAnswers(): Promise<boolean> {
    return (await this.#sidecarStatus()) === 200;
  }

  /** What `/ready` of the sidecar says, an HTTP status; null when it says nothing in time. */
  async #sidecarStatus(): Promise<number | null> {
    if (this.sidecar?.state.kind !== 'running') return null;
    const address = this.place.sidecar.health.replace('0.0.0.0', this.place.ip);
    return (await httpGet(address, '/ready', probeTimeoutMs))?.status ?? null;
  }

  #containerEnded(): boolean {
    return [...this.containers.values()].some((program) => program.state.kind !== 'running');
  }

  async #allListen(): Promise<boolean> {
    return (await this.#deafPort()) === null;
  }

  /** A declared TCP port on which nothing listens. */
  async #deafPort(): Promise<number | null> {
    const wanted = this.pod.containers.flatMap((container) =>
      container.ports.filter((port) => port.protocol === 'TCP'),
    );
    if (wanted.length === 0) return null;
    const open = await this.place.listening();
    return wanted.find((port) => !open.has(this.place.portOf(port.containerPort)))?.containerPort ?? null;
  }

  async #look(): Promise<Look & { sidecarReady: boolean }> {
    const status = await this.#sidecarStatus();
    const deaf = await this.#deafPort();
    const sidecarReady = status === 200;
    const stopped = this.#stoppedPart();
    if (stopped !== null) return { sidecarReady, reason: stopped, isCertain: true };
    if (this.sidecar !== null && !sidecarReady)
      return { sidecarReady, reason: 'the sidecar is not ready', isCertain: status !== null };
    return { sidecarReady, reason: deaf === null ? null : `nothing listens on port ${deaf}`, isCertain: false };
  }

  #stoppedPart(): string | null {
    for (const [name, program] of this.containers) {
      const { state } = program;
      if (state.kind === 'waiting') return `container ${name} ended with ${state.last}`;
      if (state.kind !== 'running') return `container ${name} is stopped`;
    }
    return this.sidecar !== null && this.sidecar.state.kind !== 'running' ? 'the sidecar is stopped' : null;
  }
}
