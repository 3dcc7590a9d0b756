import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmFolder } from './find-program.js';
import type { Found, Missing, ProxyPlan, ProxySpec, System } from './system.js';

/** uWebSockets.js is on npm only under other people's names; this one loads with Node 20. */
export const uwsPackage = '@trufflesuite/uws-js-unofficial';
export const uwsVersion = '20.30.0-unofficial.0';

const notes: string[] = [
  'uWebSockets.js has a server and no client: it is the front, and node:http with a keep-alive agent asks the server behind it',
];

/** A proxy with uWebSockets.js in front. */
export const uws: System = {
  name: 'uws',
  find() {
    const path = uwsPath();
    if (path === undefined) return { reason: 'uWebSockets.js is not here', install: 'tulle bench peers --install' };
    return loads(path) ?? found(path);
  },
};

/** Full path of the module that loads the binary; undefined when it is not installed. */
function uwsPath(): string | undefined {
  try {
    return createRequire(join(npmFolder(), 'package.json')).resolve(uwsPackage);
  } catch {
    return undefined;
  }
}

/** Tried in a process of its own: a binary for another C library may end the process that loads it. */
function loads(path: string): Missing | undefined {
  const { status, stderr } = spawnSync(process.execPath, ['-e', 'require(process.argv[1]).App()', path], {
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  const reason = /^Error: (.*)$/m.exec(stderr)?.[1] ?? `status ${status}`;
  return {
    reason: `uWebSockets.js does not load with Node ${process.versions.node} (${reason})`,
    install: 'use Node 20',
  };
}

function found(path: string): Found {
  return {
    title: `uWebSockets.js ${uwsVersion.split('-')[0]} front`,
    version: uwsVersion,
    unfit({ protocol, tls }) {
      if (protocol === 'tcp') return 'uWebSockets.js speaks HTTP only';
      if (tls !== 'none')
        return 'uWebSockets.js takes connections without a client certificate even when it is told to want one';
      return undefined;
    },
    plan: (proxy) => planOf(path, proxy),
    notes,
  };
}

function planOf(path: string, proxy: ProxySpec): ProxyPlan {
  const program = fileURLToPath(new URL('../agents/uws-proxy.js', import.meta.url));
  const { listen, to } = proxy;
  const addresses = [listen.host, String(listen.port), to.host, String(to.port)];
  return { files: [], command: [process.execPath, program, path, ...addresses] };
}
