/** An open-loop load from the client's pod over keep-alive connections, and what must be true of it whatever happens meanwhile. */
import type { LoadResult } from '@tulle/bench';
import type { Test } from 'tap';
import type { Mesh } from './mesh.js';

export const connections = 20;

/** Starts it; a failure to start shows where the result is awaited. */
export function load(mesh: Mesh, seconds: number, path: string = '/'): Promise<LoadResult> {
  // How late the generator is does not matter here, only whether every request has its answer.
  const timing = ['--rate', '200', '--duration', `${seconds}s`, '--warmup', '0.2s', '--max-lateness', '60000000'];
  const target = ['--url', `http://server${path}`, '--connections', String(connections)];
  const loading = mesh.world.load('client', [...target, ...timing]);
  loading.catch(() => {});
  return loading;
}

/** Resolves when requests of the load have come as far as the sidecar of a pod. */
export async function runs(mesh: Mesh, path: string, pod: string = 'client'): Promise<void> {
  await mesh.logWith(pod, (lines) => lines.some((line) => line.path === path));
}

/** Asserts that the load lost nothing: no request, no connection. */
export function lostNothing(t: Test, { valid, invalid, requests, connects, examples }: LoadResult): void {
  t.ok(valid, 'no request is lost', { invalid, examples });
  t.equal(requests.answered, requests.sent, 'each has its answer');
  t.equal(connects, connections, 'no connection is broken');
  t.comment(`${requests.answered} of ${requests.sent} requests answered over ${connects} connections`);
}
