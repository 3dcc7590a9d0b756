import type { ServicePort } from '../kinds/service.js';

/** What flows through a port. `auto`: nobody said, so the first bytes tell. */
export type ServiceProtocol = 'http' | 'http2' | 'grpc' | 'tls' | 'tcp' | 'auto';

/** Values of appProtocol: those of Kubernetes (KEP-3726), those of IANA, and those that meshes are used to. */
const APP_PROTOCOLS: Readonly<Record<string, ServiceProtocol>> = {
  http: 'http',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/h2c': 'http2',
  http2: 'http2',
  h2c: 'http2',
  grpc: 'grpc',
  https: 'tls',
  tls: 'tls',
  'kubernetes.io/wss': 'tls',
  tcp: 'tcp',
};

const NAME_PREFIXES: Readonly<Record<string, ServiceProtocol>> = {
  http: 'http',
  http2: 'http2',
  grpc: 'grpc',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
};

/**
 * The protocol that a Service declares for a port: by `appProtocol`, else by its name up to the first dash (`http-metrics`).
 *
 * An appProtocol of another name is somebody's own protocol, and opaque: `tcp`.
 */
export function serviceProtocol(port: Pick<ServicePort, 'name' | 'appProtocol'>): ServiceProtocol {
  if (port.appProtocol !== undefined) return lookUp(APP_PROTOCOLS, port.appProtocol.toLowerCase()) ?? 'tcp';
  return lookUp(NAME_PREFIXES, (port.name ?? '').split('-', 1)[0]) ?? 'auto';
}

function lookUp(table: Readonly<Record<string, ServiceProtocol>>, key: string): ServiceProtocol | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
