import { withoutProxies } from '../cluster/container-env.js';
import { type Capture, startCapture } from '../netns/capture.js';
import { usageOf } from '../programs/usage.js';
import type { Request, Results } from '../protocol.js';
import type { PodRole } from '../provider.js';
import { containerLog } from '../state/state-dir.js';
import { statusOf } from './status.js';
import { findPart, findPod, findTarget } from './targets.js';
import type { Testbed } from './testbed.js';

/** Answers the requests of the command line. Throws an Error whose message is for the user. */
export class Requests {
  readonly #testbed: Testbed;
  readonly #captures: Map<string, Capture> = new Map();
  #captureNumber: number = 0;
  readonly #end: (progress: (text: string) => void) => Promise<void>;

  /** @param end what `down` does. */
  constructor(testbed: Testbed, end: (progress: (text: string) => void) => Promise<void>) {
    this.#testbed = testbed;
    this.#end = end;
  }

  async answer(request: Request, progress: (text: string) => void): Promise<Results[Request['op']]> {
    switch (request.op) {
      case 'status':
        return await statusOf(this.#testbed);
      case 'exec':
        return this.#exec(request);
      case 'logs':
        return this.#logs(request.target, request.container);
      case 'control':
        return await this.#testbed.changes.run(() => this.#control(request.action, request.target, progress));
      case 'usage':
        return this.#usage(request.target);
      case 'capture-start':
        return this.#captureStart(request.pod, request.file);
      case 'capture-stop': {
        const capture = this.#captures.get(request.id);
        if (capture === undefined) throw new Error(`no capture ${request.id} runs`);
        this.#captures.delete(request.id);
        return await capture.stop();
      }
      case 'down':
        await this.#end(progress);
        return null;
    }
  }

  #exec(request: Extract<Request, { op: 'exec' }>): Results['exec'] {
    const running = findPod(request.pod, this.#testbed.pods);
    const part = request.container === null ? null : findPart(running, request.container);
    const role: PodRole = part?.kind === 'proxy' ? 'proxy' : 'application';
    const container = part?.kind === 'container' ? part.name : running.pod.containers[0].name;
    // The caller's folder may be closed to the proxy's user.
    const folder = role === 'proxy' ? '/' : request.cwd;
    const plan = running.place.exec(role, folder, request.argv);
    // As `kubectl exec`: the container's environment; what the caller has besides is kept, since the program is the caller's machine's.
    const env = { ...withoutProxies(request.env), ...running.envOf(container), ...running.place.env(role) };
    env.PATH = `${running.envOf(container).PATH}:${request.env.PATH ?? ''}`;
    return plan.kind === 'enter' ? { ...plan, kind: 'enter', env } : { ...plan, kind: 'plain', cwd: request.cwd, env };
  }

  #logs(target: string, container: string | null): Results['logs'] {
    if (target === 'control-plane') return { file: this.#testbed.paths.controlPlaneLog };
    const found = findTarget(target, this.#testbed.pods);
    if (found.kind === 'control-plane') return { file: this.#testbed.paths.controlPlaneLog };
    const { pod } = found;
    if (container === 'access') {
      findPart(pod, 'proxy');
      return { file: pod.paths.accessLog };
    }
    const part = container === null ? found.part : findPart(pod, container);
    if (part.kind === 'proxy') return { file: pod.paths.proxyLog };
    const name = part.kind === 'container' ? part.name : pod.pod.containers[0].name;
    return { file: containerLog(pod.paths, name) };
  }

  async #control(
    action: Extract<Request, { op: 'control' }>['action'],
    text: string,
    progress: (text: string) => void,
  ): Promise<Results['control']> {
    const target = findTarget(text, this.#testbed.pods);
    if (target.kind === 'control-plane') {
      const { controlPlane } = this.#testbed;
      if (controlPlane === null) throw new Error('this testbed has no control plane');
      if (action === 'stop' || action === 'restart') await controlPlane.program.stop();
      if (action === 'kill') await controlPlane.program.kill();
      if (action === 'start' || action === 'restart') {
        progress('waiting for the control plane to be ready');
        await controlPlane.start();
      }
    } else {
      const { pod, part } = target;
      if (action === 'stop' || action === 'restart') await pod.stop(part);
      if (action === 'kill') await pod.kill(part);
      if (action === 'start' || action === 'restart') {
        progress(`waiting for ${text} to be ready`);
        await pod.start(part);
      }
    }
    await this.#testbed.publish();
    const done = { stop: 'stopped', start: 'started', kill: 'killed', restart: 'restarted' }[action];
    return { done: `${text} ${done}` };
  }

  #usage(text: string): Results['usage'] {
    const target = findTarget(text, this.#testbed.pods);
    if (target.kind === 'control-plane') {
      const pid = this.#testbed.controlPlane?.program.pid ?? null;
      return { proxy: null, app: pid === null ? null : usageOf(pid) };
    }
    const { pod, part } = target;
    const container = part.kind === 'container' ? part.name : pod.pod.containers[0].name;
    const app = pod.containers.get(container)?.pid ?? null;
    const proxy = pod.sidecar?.pid ?? null;
    return { proxy: proxy === null ? null : usageOf(proxy), app: app === null ? null : usageOf(app) };
  }

  #captureStart(name: string, file: string): Results['capture-start'] {
    const { hostInterface } = findPod(name, this.#testbed.pods).place;
    if (hostInterface === null) {
      throw new Error('a capture needs pods with links of their own (provider netns); here all traffic is on loopback');
    }
    this.#captureNumber += 1;
    const id = `capture-${this.#captureNumber}`;
    this.#captures.set(id, startCapture(hostInterface, file));
    return { id };
  }
}
