import type { LoadResult } from '@tulle/bench';
import type { TestbedStatus } from '@tulle/testbed';
import type { AccessLine, World } from '../src/demo/world.js';
import type { PodAnswer, PodRequest } from '../src/pod-request.js';

/** A mesh as the demo expects it, in memory; each field can be broken on its own. */
export class DemoWorld {
  controlPlane = 'running';
  provider: 'netns' | 'process' = 'netns';
  sidecars = true;
  /** Policies are enforced. */
  enforced = true;
  /** Bytes between the sidecars can be read. */
  plaintext = false;
  logged = true;
  counted = true;
  routed = true;
  serverPeer = 'spiffe://cluster.local/ns/default/sa/server';
  acked = 3;
  invalid: string[] = [];
  dropped = 0;
  /** A restarted sidecar waits for the control plane. */
  needsControlPlane = false;
  editedFolder = '';
  signal: AbortSignal = new AbortController().signal;
  /** What was done to programs. */
  readonly controlled: string[] = [];
  #requests = 0;
  #unique = 0;
  #restarted = false;
  #paths: string[] = [];

  asWorld(): World {
    return this as unknown as World;
  }

  typed(command: string): string {
    return `tulle testbed ${command}`;
  }

  async status(): Promise<TestbedStatus> {
    const pod = (name: string, ip: string, injected: boolean) => ({
      namespace: 'default',
      name,
      ip,
      ready: true,
      reason: null,
      sidecar: injected && this.sidecars ? { ready: true, metrics: `${ip}:15020`, state: 'running' } : null,
    });
    const service = (name: string, address: string) => ({
      namespace: 'default',
      name,
      clusterIp: '10.96.0.1',
      ports: [{ name: 'http', port: 80, endpoints: [{ address, ready: true, pod: name }] }],
    });
    return {
      provider: this.provider,
      controlPlane: { state: this.controlPlane, ready: this.controlPlane === 'running', admin: '10.244.0.2:15014' },
      pods: [
        pod('client', '10.244.0.8', true),
        pod('server-v2', '10.244.0.6', true),
        pod('stranger', '10.244.0.9', false),
      ],
      services: [service('server', '10.244.0.6:8081'), service('server-v1', '10.244.0.5:8080')],
      problems: [],
    } as unknown as TestbedStatus;
  }

  async pod(name: string): Promise<TestbedStatus['pods'][number]> {
    const found = (await this.status()).pods.find((pod) => pod.name === name);
    if (found === undefined) throw new Error(`there is no pod ${name}`);
    return found;
  }

  async request(pod: string, { url, headers }: PodRequest): Promise<PodAnswer> {
    const { hostname, port, pathname } = new URL(url);
    const answer = (status: number, body: string, extra: Record<string, string> = {}): PodAnswer => {
      return { status, headers: extra, body, remote: '10.96.0.1:80', error: undefined };
    };
    if (port === '15014') {
      const types = { LDS: { sent: 3, acked: this.acked, nacked: 0 } };
      return answer(200, JSON.stringify(['client', 'server-v2'].map((node) => ({ node, identity: node, types }))));
    }
    if (port === '15020') return answer(200, `tulle_requests_total{a="b"} ${this.counted ? this.#requests : 0}\n`);
    this.#requests += 1;
    this.#paths.push(pathname);
    if (this.#restarted && this.needsControlPlane && this.controlPlane !== 'running') return answer(503, '');
    const closed = pathname === '/closed' && this.controlled.includes('start control-plane');
    const refused = pod === 'stranger' || pathname.startsWith('/admin') || closed;
    if (refused && this.enforced) return answer(403, '', { 'x-tulle-reason': 'access-denied' });
    const version = this.routed && headers?.['x-version'] === 'v2' ? 'v2' : 'v1';
    return answer(200, `hello from ${hostname} ${version}: GET ${pathname}\n`);
  }

  async load(): Promise<LoadResult> {
    const { invalid } = this;
    const latencyUs = { p50: 100, p99: 200, p999: 300 };
    const requests = { sent: 400, answered: 400, recorded: 400, waited: 0 };
    return {
      valid: invalid.length === 0,
      invalid,
      requests,
      latencyUs,
      bytes: { received: 1 },
    } as unknown as LoadResult;
  }

  async control(action: string, target: string): Promise<void> {
    this.controlled.push(`${action} ${target}`);
    if (target === 'control-plane') this.controlPlane = action === 'start' ? 'running' : 'stopped';
    if (target.endsWith('/proxy')) this.#restarted = true;
  }

  async usage(): Promise<{ proxy: object; app: null }> {
    return { proxy: { pids: [1], cpuNs: this.#requests, rssBytes: 1024 * 1024 }, app: null };
  }

  async captured(_pod: string, during: () => Promise<void>): Promise<{ result: object; bytes: Buffer }> {
    const before = this.#paths.length;
    await during();
    const [meshPath, plainPath] = this.#paths.slice(before);
    const bytes = Buffer.from(`GET ${plainPath} HTTP/1.1 ${this.plaintext ? meshPath : ''}`);
    return { result: { packets: 12, bytes: bytes.length, dropped: this.dropped, full: false }, bytes };
  }

  async accessLine(pod: string, path: string): Promise<AccessLine | undefined> {
    if (!this.logged) return undefined;
    const client = pod === 'client';
    const peer = client ? this.serverPeer : 'spiffe://cluster.local/ns/default/sa/client';
    const direction = client ? 'outbound' : 'inbound';
    return { direction, path, status: 200, upstream: '10.244.0.6:8081', tls: true, peer } as AccessLine;
  }

  async until(_deadlineMs: number, holds: () => Promise<boolean>): Promise<number | undefined> {
    return (await holds()) ? 1 : undefined;
  }

  uniquePath(): string {
    this.#unique += 1;
    return `/path-${this.#unique}.`;
  }

  async pause(): Promise<void> {}
}
