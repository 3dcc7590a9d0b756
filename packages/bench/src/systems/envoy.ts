import { join } from 'node:path';
import { envoyConfig } from './envoy-config.js';
import { envoyOfOurs, programOf, versionOf } from './find-program.js';
import type { ProxyPlan, ProxySpec, System } from './system.js';

const notes: string[] = [
  'one worker thread (--concurrency 1), as every proxy here has one; its main thread is counted too',
  'TLS 1.3 only and no session resumption, so that a new connection is a full mutual handshake for everybody',
  'circuit breakers raised beyond the connections of the case: nothing is refused',
];
const meshNotes: string[] = [
  'with what a mesh switches on: access log to a file, retries, RBAC, outlier detection; statistics are on in any case',
];

/** @param features `bare`: the router alone. `mesh`: what Istio and others configure for every workload. */
export function envoy(name: string, features: 'bare' | 'mesh'): System {
  return {
    name,
    find() {
      const program = programOf('envoy') ?? envoyOfOurs();
      if (program === undefined) {
        return { reason: 'envoy is not here', install: 'tulle bench peers --install' };
      }
      const version = /\/(\d+\.\d+\.\d+)[-/]/.exec(versionOf(program, '--version'))?.[1] ?? '';
      return {
        title: `Envoy ${version}${features === 'mesh' ? ' with a mesh’s features' : ', bare'}`,
        version,
        unfit: () => undefined,
        plan: (proxy) => planOf(program, proxy, features),
        notes: features === 'mesh' ? [...notes, ...meshNotes] : notes,
      };
    },
  };
}

function planOf(program: readonly string[], proxy: ProxySpec, features: 'bare' | 'mesh'): ProxyPlan {
  const text = `${JSON.stringify(envoyConfig(proxy, features), undefined, 2)}\n`;
  const options = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'];
  return {
    files: [{ name: 'envoy.json', text }],
    command: [...program, '-c', join(proxy.folder, 'envoy.json'), ...options],
  };
}
