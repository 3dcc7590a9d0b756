import { resolve } from 'node:path';
import type { CaptureResult, Results } from '../protocol.js';
import { ask } from './ask.js';

/** CPU and memory of a pod's sidecar and application (or, as `app`, of the control plane) since they were started. Throws an Error for the user. */
export async function testbedUsage(target: string, name?: string): Promise<Results['usage']> {
  return await ask(name, { op: 'usage', target });
}

/** Records every packet on a pod's link into a pcap file until `stop`. Throws an Error for the user where pods have no links of their own. */
export async function startTestbedCapture(
  pod: string,
  file: string,
  name?: string,
): Promise<{ stop(): Promise<CaptureResult> }> {
  const { id } = await ask(name, { op: 'capture-start', pod, file: resolve(file) });
  return { stop: async () => await ask(name, { op: 'capture-stop', id }) };
}
