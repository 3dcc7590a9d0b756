/**
 * Binds and listens at once. node's own `server.listen` reports a taken port in a later turn, `Io.listen` must throw; node's cluster module has the same
 * need and uses the function below, which is exported for it, though not documented.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatAddress } from '../../address.js';
import { IoFailure, type ListenOptions } from '../io.js';
import { toIoError } from './errno.js';

interface ServerHandle {
  listen(backlog: number): number;
  close(): void;
}
/** Returns a bound handle, or a negative errno. */
type CreateServerHandle = (
  host: string,
  port: number,
  family: 4 | 6,
  fd: undefined,
  flags: number,
) => ServerHandle | number;

/** UV_TCP_REUSEPORT, libuv 1.49 (Node 22.12). */
const reusePortFlag = 2;

/** Makes `server` listen; throws an `IoFailure`. After it returned `server.address()` is set. */
export function listenNow(server: net.Server, options: ListenOptions): void {
  const { address, backlog } = options;
  const create = (net as unknown as { _createServerHandle?: CreateServerHandle })._createServerHandle;
  if (create === undefined) {
    throw new IoFailure({ code: 'address', message: 'the portable engine does not work on this version of Node' });
  }
  const family = net.isIP(address.host);
  if (family === 0) throw failed('EINVAL', options);
  const handle = create(
    address.host,
    address.port,
    family as 4 | 6,
    undefined,
    options.reusePort && hasReusePort() ? reusePortFlag : 0,
  );
  if (typeof handle === 'number') throw failed(getSystemErrorName(handle), options);
  const result = handle.listen(backlog);
  if (result !== 0) {
    handle.close();
    throw failed(getSystemErrorName(result), options);
  }
  server.listen(handle, backlog);
}

function failed(errno: string, options: ListenOptions): IoFailure {
  const error = Object.assign(new Error(errno), { code: errno });
  const { code, message } = toIoError(error, 'listen', `listen ${formatAddress(options.address)}`);
  return new IoFailure({ code, message: message + remedy(errno, options.reusePort), errno });
}

function remedy(errno: string, reusePort: boolean): string {
  switch (errno) {
    case 'EADDRINUSE':
      return reusePort && !hasReusePort()
        ? ': with this engine several data threads share a port from Node 22.12 on; use one, or choose another port'
        : ': another program listens there; stop it or choose another port';
    case 'EACCES':
      return ': ports below 1024 need CAP_NET_BIND_SERVICE; grant it or choose a higher port';
    case 'EADDRNOTAVAIL':
      return ': no interface of this machine has that address';
    default:
      return '';
  }
}

function hasReusePort(): boolean {
  const [major, minor] = process.versions.uv.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 49);
}
