/** @tulle/sidecar: the proxy of a pod, fed by a control plane. */
import type { RunSidecarOptions } from './run.js';
import { keepYoungGenerationSmall } from './small-heap.js';

export type { RunSidecarOptions };

/**
 * Runs a sidecar in the foreground. It logs JSON to the standard error, and prints one line when it serves: `sidecar ready ...`.
 * SIGTERM and SIGINT drain it, a second one ends it at once.
 * @returns the exit code: 0 ended as asked, 1 could not start (the log says why and what to do), 2 a bootstrap that is not one.
 */
export async function runSidecar(options: RunSidecarOptions): Promise<number> {
  keepYoungGenerationSmall();
  const { runSidecar: run } = await import('./run.js');
  return run(options);
}
