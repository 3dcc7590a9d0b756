/** Chooses the engine of a proxy, and says why when the fast one cannot run. */
import { createRequire } from 'node:module';
import { ProxyError } from './proxy-error.js';

/** `linux`: epoll and the OpenSSL inside node, through koffi, on threads of its own. `portable`: node:net and node:tls on the calling thread. */
export type EngineName = 'linux' | 'portable';

export interface EngineChoice {
  readonly engine: EngineName;
  /** Why not `linux`, when it was not asked otherwise; '' when it is. */
  readonly notice: string;
}

/** `auto` takes `linux` where koffi loads on Linux on x64 or arm64, else `portable`. Asking for `linux` where it cannot run throws. */
export function chooseEngine(wanted: EngineName | 'auto'): EngineChoice {
  if (wanted === 'portable') return { engine: 'portable', notice: '' };
  const obstacle = linuxObstacle();
  if (obstacle === '') return { engine: 'linux', notice: '' };
  if (wanted === 'linux') throw new ProxyError('ERR_TULLE_ENGINE', `the linux engine cannot run here: ${obstacle}`);
  return { engine: 'portable', notice: `the portable engine is used, which is slower: ${obstacle}` };
}

function linuxObstacle(): string {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `it knows x64 and arm64, not ${process.arch}`;
  try {
    createRequire(import.meta.url)('koffi');
    return '';
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    return `koffi cannot be loaded (${reason}); install it with its optional dependencies`;
  }
}
