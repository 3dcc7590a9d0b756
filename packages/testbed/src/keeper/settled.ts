import type { ServicePortEndpoints } from '../cluster/endpoints.js';

/** The parts of the control plane's `/debug/config` and `/debug/sidecars` that say how far a change has come. */
export interface ControlPlaneView {
  generation: number;
  services: {
    namespace: string;
    name: string;
    endpoints: { servicePort: number; address: string; port: number }[];
  }[];
  sidecars: { generation: number; types: Record<string, { sent: number; acked: number; nacked: number }> }[];
}

/**
 * True when the mesh knows what the testbed knows: the control plane has every ready endpoint and no other, and `sidecars` sidecars have answered for
 * all that they were told of it. Before that a first request may find a service without endpoints. Pure.
 */
export function isSettled(view: ControlPlaneView, known: readonly ServicePortEndpoints[], sidecars: number): boolean {
  const told = new Set(
    view.services.flatMap(({ namespace, name, endpoints }) =>
      endpoints.map((endpoint) => `${namespace}/${name}:${endpoint.servicePort} ${endpoint.address}:${endpoint.port}`),
    ),
  );
  const wanted = known.flatMap(({ service, port, endpoints }) =>
    endpoints
      .filter(({ ready }) => ready)
      .map((endpoint) => `${service.namespace}/${service.name}:${port.port} ${endpoint.ip}:${endpoint.port}`),
  );
  return (
    new Set(wanted).size === told.size &&
    wanted.every((endpoint) => told.has(endpoint)) &&
    view.sidecars.length >= sidecars &&
    view.sidecars.every(
      ({ generation, types }) =>
        generation === view.generation &&
        Object.keys(types).length > 0 &&
        Object.values(types).every(({ sent, acked, nacked }) => acked + nacked >= sent),
    )
  );
}
