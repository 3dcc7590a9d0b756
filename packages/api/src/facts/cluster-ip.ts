import type { Service } from '../kinds/service.js';

/** The range that addresses are taken from: 10.96.0.0/16, as kubeadm sets clusters up. */
const RANGE_PREFIX = '10.96';

/** Host numbers 0 and 65535 name the range and its broadcast; .1 is the API server's and .10 the DNS server's by custom. */
const FIRST_HOST = 256;
const LAST_HOST = 65534;
const HOSTS = LAST_HOST - FIRST_HOST + 1;

/**
 * Gives every Service without a clusterIP one, as the API server does: the same names get the same addresses, whatever file
 * they are in. A collision of hashes goes to the Service whose namespace and name come first; the other takes the next free.
 *
 * @returns new Services where something was assigned, the same objects elsewhere, in the order given.
 * @throws RangeError when there are more Services than addresses.
 */
export function assignClusterIps(services: readonly Service[]): Service[] {
  const taken = new Set(services.map((service) => service.spec.clusterIP).filter((ip) => ip !== undefined));
  const waiting = services.filter((service) => service.spec.clusterIP === undefined);
  const assigned = new Map<Service, string>();
  for (const service of waiting.toSorted(byKey)) {
    const ip = freeAddress(hash(keyOf(service)), taken);
    taken.add(ip);
    assigned.set(service, ip);
  }
  return services.map((service) => {
    const clusterIP = assigned.get(service);
    return clusterIP === undefined ? service : { ...service, spec: { ...service.spec, clusterIP } };
  });
}

function freeAddress(start: number, taken: ReadonlySet<string>): string {
  for (let step = 0; step < HOSTS; step++) {
    const host = FIRST_HOST + ((start + step) % HOSTS);
    const ip = `${RANGE_PREFIX}.${host >> 8}.${host & 255}`;
    if (!taken.has(ip)) return ip;
  }
  throw new RangeError(`no free address for a Service in ${RANGE_PREFIX}.0.0/16`);
}

function keyOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`;
}

function byKey(a: Service, b: Service): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
