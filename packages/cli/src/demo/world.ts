import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadResult } from '@tulle/bench';
import type { CaptureResult, ControlAction, PodStatusLine, TestbedStatus, Usage } from '@tulle/testbed';
import { ownProgram } from '../demo-folder.js';
import { type PodAnswer, type PodRequest, requestInPod, runInPod } from '../pod-request.js';
import type { TestbedModule } from '../testbed.js';
import { silent } from './silent.js';

/** A line of a sidecar's access log, as far as the demo reads it. */
export interface AccessLine {
  direction: string;
  authority: string;
  path: string;
  status: number;
  reason: string;
  upstream: string;
  downstream: string;
  /** SPIFFE id of the other side, or empty. */
  peer: string;
  tls: boolean;
  route: string;
  cluster: string;
  policy: string;
  request_id: string;
}

/** How long an access log line may take to reach its file, in ms: sidecars write many lines at once, on a busy machine late. Past it: it is missing. */
const logDeadlineMs = 20_000;
/** How long one request of a load may take: on a busy machine it is late, not lost. */
const requestTimeout = '60s';
const pollMs = 50;

/** The testbed that the story is told about: all that the acts do, they do through this. */
export class World {
  readonly name: string;
  readonly signal: AbortSignal;
  /** A second folder of configuration, empty at first, which the story edits. */
  readonly editedFolder: string;
  readonly #module: TestbedModule;
  readonly #scratch: string;

  constructor(
    module: TestbedModule,
    options: { name: string; scratch: string; editedFolder: string; signal: AbortSignal },
  ) {
    this.#module = module;
    this.name = options.name;
    this.signal = options.signal;
    this.editedFolder = options.editedFolder;
    this.#scratch = options.scratch;
  }

  /** A command line as the reader would type it. */
  typed(command: string): string {
    return `tulle testbed ${command.replace(/^(\S+)/, `$1${this.name === 'default' ? '' : ` --name ${this.name}`}`)}`;
  }

  status(): Promise<TestbedStatus> {
    return this.#module.readTestbedStatus(this.name);
  }

  async pod(name: string): Promise<PodStatusLine> {
    const { pods } = await this.status();
    const pod = pods.find((candidate) => candidate.namespace === 'default' && candidate.name === name);
    if (pod === undefined)
      throw new Error(`there is no pod ${name}; there are: ${pods.map((other) => other.name).join(', ')}`);
    return pod;
  }

  request(pod: string, request: PodRequest): Promise<PodAnswer> {
    return requestInPod(this.#module, this.name, pod, request);
  }

  /** Load from inside a pod, with the options of `tulle bench load`; `direct`: not through the HTTP proxy that its environment names. */
  async load(pod: string, options: string[], direct: boolean = false): Promise<LoadResult> {
    const argv = [
      process.execPath,
      ownProgram(),
      'bench',
      'load',
      '-o',
      'json',
      ...(direct ? [] : await this.#proxyOptions(pod)),
      '--timeout',
      requestTimeout,
      ...options,
    ];
    const { code, stdout, stderr } = await runInPod(this.#module, this.name, pod, argv, this.signal);
    if (stdout.trim() === '') throw new Error(`the load generator ended with ${code}: ${stderr.trim()}`);
    return JSON.parse(stdout) as LoadResult;
  }

  /** Without interception a program dials the sidecar itself, which reads from the Host header where to. */
  async #proxyOptions(pod: string): Promise<string[]> {
    const { env } = await this.#module.execCommand({ name: this.name, pod, argv: ['true'] });
    const proxy = env.http_proxy ?? env.HTTP_PROXY;
    return proxy === undefined ? [] : ['--connect', new URL(proxy).host];
  }

  /** Stops, starts, kills or restarts a program, as `tulle testbed` does; resolves when it is done. */
  async control(action: ControlAction, target: string): Promise<void> {
    const said = silent();
    const code = await this.#module.testbedControl({ name: this.name, action, target, stdout: said, stderr: said });
    if (code !== 0) throw new Error(said.text.trim());
  }

  usage(target: string): Promise<{ proxy: Usage | null; app: Usage | null }> {
    return this.#module.testbedUsage(target, this.name);
  }

  /** Records a pod's link while `during` runs. */
  async captured(pod: string, during: () => Promise<void>): Promise<{ result: CaptureResult; bytes: Buffer }> {
    const file = join(this.#scratch, `${pod}.pcap`);
    const capture = await this.#module.startTestbedCapture(pod, file, this.name);
    try {
      await during();
    } finally {
      // The last packets are on their way into the file.
      await delay(pollMs);
    }
    const result = await capture.stop();
    return { result, bytes: await readFile(result.file) };
  }

  /** The line that a pod's sidecar wrote for the request with this path; undefined when it did not. */
  async accessLine(pod: string, path: string): Promise<AccessLine | undefined> {
    const { sidecar } = await this.pod(pod);
    if (sidecar === null) return undefined;
    const deadline = performance.now() + logDeadlineMs;
    do {
      const text = await readFile(sidecar.accessLog, 'utf8').catch(() => '');
      const line = text.split('\n').find((candidate) => candidate.includes(path));
      if (line !== undefined) return JSON.parse(line) as AccessLine;
      await delay(pollMs, undefined, { signal: this.signal });
    } while (performance.now() < deadline);
    return undefined;
  }

  /** Asks until `holds`, at most so long. Returns how long it took in ms, undefined when it never held. */
  async until(deadlineMs: number, holds: () => Promise<boolean>): Promise<number | undefined> {
    const start = performance.now();
    while (performance.now() - start < deadlineMs) {
      if (await holds()) return performance.now() - start;
      await delay(pollMs, undefined, { signal: this.signal });
    }
    return undefined;
  }

  /** A path that no other request has. */
  uniquePath(): string {
    return `/${randomUUID().slice(0, 13)}`;
  }

  /** Waits, unless the story is ended. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.signal });
  }
}
