import { join } from 'node:path';
import { versionOf } from './find-program.js';
import { type ProxyPlan, type ProxySpec, type System, textOf } from './system.js';

/** A build of Tulle and the node that runs it. */
export interface TulleBuild {
  /** Name of the system: `tulle-linux`, or with a suffix for another build or another node. */
  name: string;
  engine: 'linux' | 'portable';
  /** Path of its `main.js`. */
  program: string;
  /** Path of a node binary. */
  node: string;
}

const notes: string[] = [
  'all default features on: routing, policy, balancing, metrics, timeouts, and an access log to a file',
  'one data thread, as every proxy here has one; its main thread and the rest of node are counted too',
];

export function tulle(build: TulleBuild): System {
  return {
    name: build.name,
    find() {
      const node = versionOf([build.node], '--version');
      if (node === '') return { reason: `${build.node} is no node`, install: 'give --node NAME=PATH of a node binary' };
      const version = versionOf([build.node], build.program, '--version').replace(/^tulle /, '');
      if (version === '') return { reason: `${build.program} does not run`, install: 'npx turbo run build' };
      return {
        title: `Tulle ${version}, ${build.engine} engine, Node ${node.replace(/^v/, '')}`,
        version,
        unfit: () => undefined,
        plan: (proxy) => planOf(build, proxy),
        notes,
      };
    },
  };
}

function planOf(build: TulleBuild, proxy: ProxySpec): ProxyPlan {
  const { folder, listen, to, protocol, listenTls, toTls } = proxy;
  const options = {
    '--listen': textOf(listen),
    '--to': textOf(to),
    '--protocol': protocol === 'http1' ? 'http' : 'tcp',
    '--engine': build.engine,
    '--access-log': join(folder, 'access.log'),
    ...(listenTls === undefined
      ? {}
      : {
          '--listen-cert': listenTls.certificate,
          '--listen-key': listenTls.key,
          '--listen-ca': listenTls.ca,
          '--allow-san': listenTls.peerUri,
        }),
    ...(toTls === undefined
      ? {}
      : {
          '--to-cert': toTls.certificate,
          '--to-key': toTls.key,
          '--to-ca': toTls.ca,
          '--to-san': toTls.peerUri,
          '--to-sni': toTls.peerName,
        }),
  };
  return { files: [], command: [build.node, build.program, 'proxy', ...Object.entries(options).flat()] };
}
