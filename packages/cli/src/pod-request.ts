import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestbedModule } from './testbed.js';

/** One HTTP request from inside a pod. */
export interface PodRequest {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  /** Not through the HTTP proxy that the environment names. */
  direct?: boolean;
}

export interface PodAnswer {
  /** 0 when there was no answer. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** ip:port that the client saw itself connected to. */
  remote: string;
  error: string | undefined;
}

/** What a program in a pod said. */
export interface PodOutput {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program inside a pod to its end.
 * @throws the testbed's sentence when there is no such pod.
 */
export async function runInPod(
  module: TestbedModule,
  testbedName: string,
  pod: string,
  argv: string[],
  signal?: AbortSignal,
): Promise<PodOutput> {
  const { argv: command, env, cwd } = await module.execCommand({ name: testbedName, pod, argv });
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], signal });
    const output: PodOutput = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...output, code }));
  });
}

const client = fileURLToPath(new URL('./pod-client.js', import.meta.url));

/** Asks from inside a pod, as a program that knows nothing of the mesh. */
export async function requestInPod(
  module: TestbedModule,
  testbedName: string,
  pod: string,
  request: PodRequest,
): Promise<PodAnswer> {
  const { code, stdout, stderr } = await runInPod(module, testbedName, pod, [
    process.execPath,
    client,
    JSON.stringify(request),
  ]);
  if (code !== 0) throw new Error(`no program could be run in pod ${pod} (${stderr.trim() || `exit code ${code}`})`);
  return JSON.parse(stdout) as PodAnswer;
}
