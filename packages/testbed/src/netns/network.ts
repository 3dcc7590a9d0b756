import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inServiceNetwork, nodeIp, serviceNetwork } from '../cluster/addresses.js';
import { resolvConf } from '../dns/zone.js';
import { networkDeadlineMs } from '../limits.js';
import { run } from '../programs/run.js';
import { pauseScript } from './shell.js';

/** A pod's namespaces, held open by its pause process. */
export interface PodSandbox {
  pausePid: number;
  /** The end of the veth pair on the node's bridge: everything that enters or leaves the pod passes here. */
  hostInterface: string;
  close(): Promise<void>;
}

/**
 * The node: loopback, the bridge with the node's address, and every service address routed to the node itself, so that the
 * service proxy can listen on them. Runs inside the keeper's own network namespace.
 */
export async function createNodeNetwork(env: NodeJS.ProcessEnv): Promise<void> {
  await ip(env, [
    'link set lo up',
    'link add tulle0 type bridge',
    'link set tulle0 addrgenmode none',
    `addr add ${nodeIp}/16 dev tulle0`,
    'link set tulle0 up',
    `route add local ${serviceNetwork} dev lo`,
  ]);
}

/** Makes the node answer on a ClusterIP that the user chose outside the service network. */
export async function addServiceAddress(env: NodeJS.ProcessEnv, address: string): Promise<void> {
  if (!inServiceNetwork(address)) await ip(env, [`route replace local ${address}/32 dev lo`]);
}

let interfaces = 0;

/** Makes a pod's namespaces with its own host name, DNS settings and one interface `eth0` on the node's bridge. */
export async function createSandbox(
  env: NodeJS.ProcessEnv,
  pod: { namespace: string; name: string; ip: string; etc: string },
): Promise<PodSandbox> {
  await writeEtc(pod);
  const pause = spawn('unshare', ['--net', '--mount', '--uts', 'sh', '-c', pauseScript, 'sh', pod.name, pod.etc], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pausePid = await untilReady(pause, pod.name);
  interfaces += 1;
  const hostInterface = `veth${interfaces}`;
  try {
    await ip(env, [
      `link add ${hostInterface} type veth peer name eth0 netns ${pausePid}`,
      `link set ${hostInterface} addrgenmode none`,
      `link set ${hostInterface} master tulle0`,
      `link set ${hostInterface} up`,
    ]);
    await run(['nsenter', '--target', String(pausePid), '--net', '--', 'ip', '-batch', '-'], {
      env,
      deadlineMs: networkDeadlineMs,
      input: [
        'link set lo up',
        'link set eth0 addrgenmode none',
        `addr add ${pod.ip}/16 dev eth0`,
        'link set eth0 up',
        `route add default via ${nodeIp}`,
        '',
      ].join('\n'),
    });
  } catch (error) {
    pause.kill('SIGKILL');
    throw error;
  }
  return {
    pausePid,
    hostInterface,
    close: async () => {
      if (pause.exitCode !== null || pause.signalCode !== null) return;
      const ended = new Promise((resolve) => pause.once('exit', resolve));
      pause.kill('SIGKILL');
      await ended;
      // The namespace, and with it the pair, goes when its last process does; a second pod must not wait for that.
      await ip(env, [`link del ${hostInterface}`]).catch(() => {});
    },
  };
}

async function writeEtc(pod: { namespace: string; name: string; ip: string; etc: string }): Promise<void> {
  await mkdir(pod.etc, { recursive: true, mode: 0o755 });
  const files = {
    'resolv.conf': resolvConf(pod.namespace),
    hosts: `127.0.0.1 localhost\n${pod.ip} ${pod.name}\n`,
    'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
    hostname: `${pod.name}\n`,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(pod.etc, name), content, { mode: 0o644 });
}

function untilReady(pause: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      pause.kill('SIGKILL');
      reject(new Error(`pod ${name}: its namespaces were not ready within ${networkDeadlineMs} ms: ${output.trim()}`));
    }, networkDeadlineMs);
    const listen = (chunk: Buffer) => {
      output += chunk;
      if (!/^ready$/m.test(output)) return;
      clearTimeout(timer);
      pause.stdout?.destroy();
      pause.stderr?.destroy();
      resolve(pause.pid as number);
    };
    pause.stdout?.on('data', listen);
    pause.stderr?.on('data', listen);
    pause.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`pod ${name}: ${error.message}`));
    });
    pause.on('exit', () => {
      clearTimeout(timer);
      reject(new Error(`pod ${name}: cannot make its namespaces: ${output.trim()}`));
    });
  });
}

async function ip(env: NodeJS.ProcessEnv, lines: readonly string[]): Promise<void> {
  await run(['ip', '-batch', '-'], { env, deadlineMs: networkDeadlineMs, input: `${lines.join('\n')}\n` });
}
