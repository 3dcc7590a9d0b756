import { envoy } from './envoy.js';
import { haproxy } from './haproxy.js';
import { nginx } from './nginx.js';
import { nodeHttp } from './node-http.js';
import type { System } from './system.js';
import { type TulleBuild, tulle } from './tulle.js';
import { uws } from './uws.js';

/** No proxy at all: what the others are added to. */
export const directName = 'direct';

/**
 * Every system but `direct`, in the order of tables.
 * @param program path of Tulle's `main.js`.
 * @param others further builds, or the same one on another node.
 */
export function systemsOf(program: string, others: readonly TulleBuild[]): System[] {
  const node = process.execPath;
  return [
    tulle({ name: 'tulle-linux', engine: 'linux', program, node }),
    tulle({ name: 'tulle-portable', engine: 'portable', program, node }),
    ...others.map(tulle),
    haproxy,
    nginx,
    envoy('envoy-mesh', 'mesh'),
    envoy('envoy-bare', 'bare'),
    nodeHttp,
    uws,
  ];
}
