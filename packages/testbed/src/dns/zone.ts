import { nodeIp } from '../cluster/addresses.js';
import type { ServicePortEndpoints } from '../cluster/endpoints.js';

/** What the cluster's DNS answers from: one immutable reading of the cluster. */
export interface DnsZone {
  /** Lower-case names without the final dot. */
  addresses: ReadonlyMap<string, readonly string[]>;
  services: ReadonlyMap<string, readonly { target: string; port: number }[]>;
  pointers: ReadonlyMap<string, string>;
  /** Names that exist because others end in them: no data there, but not NXDOMAIN (RFC 8020). */
  parents: ReadonlySet<string>;
}

export const clusterDomain = 'cluster.local';

/**
 * The records of Kubernetes' DNS specification 1.1: `svc.ns.svc` with the ClusterIP, or the ready endpoints of a headless
 * service and `pod.svc.ns.svc` for each of them; SRV for named ports; `1-2-3-4.ns.pod`; PTR for service and pod addresses.
 */
export function dnsZone(
  services: readonly {
    clusterIp: string | null;
    namespace: string;
    name: string;
    ports: readonly ServicePortEndpoints[];
  }[],
  pods: readonly { namespace: string; name: string; ip: string }[],
): DnsZone {
  const addresses = new Map<string, string[]>();
  const srv = new Map<string, { target: string; port: number }[]>();
  const pointers = new Map<string, string>();
  for (const service of services) {
    const name = `${service.name}.${service.namespace}.svc.${clusterDomain}`;
    if (service.clusterIp !== null) {
      addresses.set(name, [service.clusterIp]);
      pointers.set(reverseName(service.clusterIp), name);
    } else {
      addresses.set(name, []);
    }
    for (const { port, endpoints } of service.ports) {
      const ready = endpoints.filter((endpoint) => endpoint.ready);
      const targets: { target: string; port: number }[] = [];
      if (service.clusterIp !== null) targets.push({ target: name, port: port.port });
      else {
        for (const endpoint of ready) {
          addUnique(addresses, name, endpoint.ip);
          const host = `${endpoint.pod?.split('/')[1] ?? endpoint.ip.replaceAll('.', '-')}.${name}`;
          addUnique(addresses, host, endpoint.ip);
          targets.push({ target: host, port: endpoint.port });
        }
      }
      if (port.name !== null) srv.set(`_${port.name}._${port.protocol.toLowerCase()}.${name}`, targets);
    }
  }
  for (const pod of pods) {
    const name = `${pod.ip.replaceAll('.', '-')}.${pod.namespace}.pod.${clusterDomain}`;
    addresses.set(name, [pod.ip]);
    if (!pointers.has(reverseName(pod.ip))) pointers.set(reverseName(pod.ip), name);
  }
  const parents = new Set([clusterDomain, `svc.${clusterDomain}`, `pod.${clusterDomain}`]);
  for (const name of [...addresses.keys(), ...srv.keys()]) {
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const parent = name.slice(dot + 1);
      if (parent.endsWith(clusterDomain)) parents.add(parent);
    }
  }
  return { addresses, services: srv, pointers, parents };
}

function addUnique(map: Map<string, string[]>, name: string, ip: string): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [ip]);
  else if (!list.includes(ip)) list.push(ip);
}

/** `1.2.3.4` as the name of its PTR record (RFC 1035 section 3.5). */
export function reverseName(ip: string): string {
  return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
}

/** /etc/resolv.conf of a pod, as the kubelet writes it with the policy ClusterFirst. */
export function resolvConf(namespace: string): string {
  return [
    `nameserver ${nodeIp}`,
    `search ${namespace}.svc.${clusterDomain} svc.${clusterDomain} ${clusterDomain}`,
    'options ndots:5 timeout:2 attempts:2',
    '',
  ].join('\n');
}
