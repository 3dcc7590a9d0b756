import { appendFileSync } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatProblem, type Problem } from '@tulle/api';
import { machineEnv } from '../cluster/container-env.js';
import { type DeclaredCluster, type DeclaredPod, keyOf } from '../cluster/declared.js';
import { endpointsByHand, endpointsOf, type PlacedPod, type ServicePortEndpoints } from '../cluster/endpoints.js';
import { endpointSliceManifests, manifestFile, podManifest, shortName } from '../cluster/manifests.js';
import { type ConfigReading, readConfig } from '../cluster/read-config.js';
import { createTokenSigner } from '../cluster/tokens.js';
import { logCheckIntervalMs, minFreeBytes, readinessIntervalMs, settleDeadlineMs } from '../limits.js';
import { processIdentity } from '../programs/identity.js';
import { cutLongLogs } from '../programs/log-files.js';
import type { KeeperSpec } from '../protocol.js';
import type { Provider } from '../provider.js';
import { writeAtomically } from '../state/atomic-write.js';
import { podPaths, type StatePaths } from '../state/state-dir.js';
import { ControlPlane } from './control-plane.js';
import { Notices } from './notices.js';
import { OneAtATime } from './one-at-a-time.js';
import { type PodSurroundings, RunningPod } from './running-pod.js';
import { isSettled } from './settled.js';
import { waitUntil } from './wait-until.js';
import { watchFolders } from './watch-folders.js';

/** What a keeper tells the outside while it works. */
export interface Voice {
  progress: (text: string) => void;
  log: (text: string) => void;
}

/** A whole testbed: API server, kubelet, endpoint controller and service network for the user's folder, and the mesh in it. */
export class Testbed {
  readonly spec: KeeperSpec;
  readonly paths: StatePaths;
  readonly provider: Provider;
  readonly pods: Map<string, RunningPod> = new Map();
  /** Changes of the cluster, by file or by command, happen one after the other. */
  readonly changes: OneAtATime = new OneAtATime();
  controlPlane: ControlPlane | null = null;
  cluster: DeclaredCluster = { namespaces: [], pods: [], services: [], endpoints: [] };
  problems: readonly Problem[] = [];
  readonly #notices: Notices = new Notices();
  readonly #voice: Voice;
  readonly #written: Map<string, string> = new Map();
  readonly #publishing: OneAtATime = new OneAtATime();
  #surroundings: PodSurroundings | null = null;
  #closers: (() => void)[] = [];
  #publishAsked: boolean = false;
  #closed: boolean = false;

  constructor(spec: KeeperSpec, paths: StatePaths, provider: Provider, voice: Voice) {
    this.spec = spec;
    this.paths = paths;
    this.provider = provider;
    this.#voice = voice;
  }

  /** Brings everything up. Throws with a message for the user when something does not come. */
  async start(): Promise<void> {
    const reading = await readConfig(this.spec.config);
    if (reading.problems.length > 0) {
      throw new Error(
        `the configuration has problems:\n${reading.problems.map((p) => `  ${formatProblem(p)}`).join('\n')}`,
      );
    }
    await mkdir(this.paths.cluster, { recursive: true, mode: 0o755 });
    await mkdir(this.paths.pods, { recursive: true, mode: 0o711 });
    const signer = await createTokenSigner();
    await writeAtomically(this.paths.tokenJwks, signer.jwks);
    const baseEnv = {
      ...machineEnv(process.env, dirname(process.execPath)),
      TULLE_TESTBED_RUN: this.spec.run,
    };
    const cli = [process.execPath, this.spec.cliPath];
    const around: PodSurroundings = {
      provider: this.provider,
      signer,
      mesh: this.spec.mesh ? { rootCert: this.paths.rootCert, cli } : null,
      baseEnv,
      started: (name, pid) => this.#recordProgram(name, pid),
      allowed: () => !this.#closed,
      changed: () => this.publishSoon(),
      notice: (matter, text) => this.notice(matter, text),
    };
    this.#surroundings = around;

    this.cluster = reading.cluster;
    this.#voice.progress(`creating ${count(reading.cluster.pods.length, 'pod')} (${this.provider.kind})`);
    await this.#create(reading.cluster.pods);
    await this.publish();
    if (this.spec.mesh) {
      this.#voice.progress('starting the control plane');
      this.controlPlane = new ControlPlane(this.provider, this.paths, {
        cli,
        config: this.spec.config,
        logLevel: this.spec.logLevel,
        certificateLifeMs: this.spec.certificateLifeMs,
        env: baseEnv,
        started: around.started,
        allowed: around.allowed,
        changed: around.changed,
      });
      await this.controlPlane.start();
      this.#voice.progress(`control plane ready at ${this.provider.controlPlane.ads}`);
    }
    await Promise.all([...this.pods.values()].map((pod) => this.#startPod(pod)));
    await this.publish();
    await this.#settle();
    this.#watch(reading);
  }

  /** Waits until the sidecars know the endpoints that became ready while they were started. */
  async #settle(): Promise<void> {
    const { controlPlane } = this;
    if (controlPlane === null) return;
    const settled = await waitUntil(() => this.#isSettled(controlPlane), settleDeadlineMs);
    if (!settled) this.notice('settled', `not every sidecar knew every endpoint within ${settleDeadlineMs / 1000} s`);
  }

  async #isSettled(controlPlane: ControlPlane): Promise<boolean> {
    const view = await controlPlane.view();
    const sidecars = [...this.pods.values()].filter((pod) => pod.sidecarReady).length;
    const known = this.endpoints().flatMap(({ ports }) => ports);
    return view !== null && isSettled(view, known, sidecars);
  }

  /** Reads the folders again and makes the pods and services theirs. A broken edit changes nothing and is shown as a problem. */
  async reload(): Promise<void> {
    const reading = await readConfig(this.spec.config).catch((error: Error) => {
      this.notice('reading', error.message);
      return null;
    });
    if (reading !== null) this.notice('reading', null);
    if (reading === null || this.#closed) return;
    this.problems = reading.problems;
    if (reading.problems.length > 0) {
      for (const problem of reading.problems) this.#voice.log(formatProblem(problem));
      return;
    }
    await this.#become(reading.cluster);
  }

  async #become(cluster: DeclaredCluster): Promise<void> {
    const wanted = new Map(cluster.pods.map((pod) => [keyOf(pod), pod]));
    const gone = [...this.pods.entries()].filter(([key, running]) => !samePod(running.pod, wanted.get(key)));
    this.cluster = cluster;
    for (const [, running] of gone) running.leave();
    await this.publish();
    await Promise.all(
      gone.map(async ([key, running]) => {
        await running.remove();
        this.pods.delete(key);
        this.notice(`pod ${key}`, null);
      }),
    );
    const fresh = cluster.pods.filter((pod) => !this.pods.has(keyOf(pod)));
    await this.#create(fresh);
    await this.publish();
    for (const pod of fresh) {
      await this.pods
        .get(keyOf(pod))
        ?.start()
        .catch((error: Error) => this.notice(`pod ${keyOf(pod)}`, error.message));
    }
    await this.publish();
  }

  /** Writes what the control plane reads, and serves names and addresses, as they are now. */
  publish(): Promise<void> {
    return this.#publishing.run(async () => {
      if (this.#closed) return;
      const services = this.endpoints();
      await this.#write('pods.yaml', manifestFile(this.podList().map((pod) => this.#manifestOf(pod))));
      const generated = services.filter(({ service }) => service.selector !== null);
      await this.#write(
        'endpoint-slices.yaml',
        manifestFile(generated.flatMap(({ ports }) => endpointSliceManifests(ports))),
      );
      await this.provider.serve({
        services: services.map(({ service, ports }) => ({
          namespace: service.namespace,
          name: service.name,
          clusterIp: service.clusterIp,
          ports,
        })),
        pods: [...this.pods.values()].map(({ pod, place }) => ({
          namespace: pod.namespace,
          name: pod.name,
          ip: place.ip,
        })),
      });
    });
  }

  /** As `publish`, for those who cannot wait for it: many calls in one turn make one. */
  publishSoon(): void {
    if (this.#publishAsked) return;
    this.#publishAsked = true;
    setImmediate(() => {
      this.#publishAsked = false;
      this.publish().then(
        () => this.notice('publish', null),
        (error: Error) => this.notice('publish', `cluster state not written: ${error.message}`),
      );
    });
  }

  /** Services with their endpoints, in the order of the configuration. */
  endpoints(): { service: DeclaredCluster['services'][number]; ports: ServicePortEndpoints[] }[] {
    const placed: PlacedPod[] = this.podList().map(({ pod, place, ready }) => ({
      pod,
      ip: place.ip,
      ready,
      reachedAt: (port) => place.reachedAt(port),
    }));
    return this.cluster.services.map((service) => ({
      service,
      ports:
        service.selector === null ? endpointsByHand(service, this.cluster.endpoints) : endpointsOf(service, placed),
    }));
  }

  /** The pods that run, in the order of the configuration. */
  podList(): RunningPod[] {
    return this.cluster.pods.flatMap((pod) => this.pods.get(keyOf(pod)) ?? []);
  }

  /** Says something about a matter until it is said anew, or null: it is so no longer. */
  notice(matter: string, text: string | null): void {
    if (text === null) this.#notices.resolve(matter);
    else if (this.#notices.tell(matter, text)) this.#voice.log(text);
  }

  /** What there is to say now. */
  async notices(): Promise<string[]> {
    for (const [key, { ready }] of this.pods) if (ready) this.notice(`pod ${key}`, null);
    if (this.#notices.has('settled') && this.controlPlane !== null && (await this.#isSettled(this.controlPlane)))
      this.notice('settled', null);
    return this.#notices.list();
  }

  /** Stops every program, applications before proxies before the control plane, and removes what is on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const close of this.#closers.splice(0)) close();
    await Promise.all(
      [...this.pods.values()].map((pod) => pod.remove().catch((error: Error) => this.#voice.log(error.message))),
    );
    await this.controlPlane?.program.stop();
    await this.provider.close().catch((error: Error) => this.#voice.log(error.message));
    await rm(this.paths.root, { recursive: true, force: true }).catch((error: Error) => this.#voice.log(error.message));
  }

  async #create(pods: readonly DeclaredPod[]): Promise<void> {
    const around = this.#surroundings;
    if (around === null || this.#closed) return;
    this.provider.reserve(pods);
    const created = await Promise.all(
      pods.map((pod) => RunningPod.create(pod, podPaths(this.paths, pod.namespace, pod.name), around)),
    );
    for (const running of created) this.pods.set(keyOf(running.pod), running);
  }

  async #startPod(running: RunningPod): Promise<void> {
    await running.start();
    if (this.#closed) return;
    const name = shortName(running.pod);
    if (running.ready)
      this.#voice.progress(
        `pod ${name} ready at ${running.place.ip}${running.sidecar === null ? ' (no sidecar)' : ''}`,
      );
    else this.#voice.progress(`pod ${name} started but not ready: ${running.reason}`);
  }

  #manifestOf({ pod, place, ready, uid }: RunningPod): object {
    return podManifest(pod, {
      ip: place.ip,
      ready,
      uid,
      annotations: place.annotations,
      portOf: (port) => place.portOf(port),
    });
  }

  async #write(name: string, content: string): Promise<void> {
    if (this.#written.get(name) === content) return;
    await writeAtomically(join(this.paths.cluster, name), content);
    this.#written.set(name, content);
  }

  #watch(reading: ConfigReading): void {
    const stop = watchFolders(this.spec.config, reading.folders, () => {
      this.changes
        .run(() => this.reload())
        .then(
          () => this.notice('edit', null),
          (error: Error) => this.notice('edit', `edit not taken over: ${error.message}`),
        );
    });
    let busy = false;
    const readiness = setInterval(() => {
      if (busy) return;
      busy = true;
      Promise.all([...this.pods.values()].map((pod) => pod.refresh()))
        .then(
          () => this.notice('readiness', null),
          (error: Error) => this.notice('readiness', error.message),
        )
        .finally(() => {
          busy = false;
        });
    }, readinessIntervalMs);
    const logs = setInterval(() => {
      cutLongLogs(this.paths.root).catch(() => {});
      this.#lookForRoom().catch(() => {});
    }, logCheckIntervalMs);
    this.#closers.push(
      stop,
      () => clearInterval(readiness),
      () => clearInterval(logs),
    );
  }

  /** A full disk takes no log line, so nobody would read there that it is full. */
  async #lookForRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.paths.root);
    const isFull = bavail * bsize < minFreeBytes;
    const text = `no space left in ${this.paths.root}: log lines and saved state are lost, traffic goes on; free some`;
    this.notice('room', isFull ? text : null);
  }

  /** One line for each process, so that a later run can end what a crash of this one leaves (process provider). */
  #recordProgram(name: string, pid: number): void {
    const identity = processIdentity(pid);
    if (identity === null) return;
    try {
      appendFileSync(this.paths.programs, `${JSON.stringify({ name, ...identity })}\n`, { mode: 0o600 });
    } catch (error) {
      this.notice('programs', `${this.paths.programs}: ${(error as Error).message}`);
    }
  }
}

function samePod(a: DeclaredPod, b: DeclaredPod | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
