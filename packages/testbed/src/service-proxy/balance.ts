/** `ip:port` texts of endpoints. */
export type EndpointList = readonly { ip: string; port: number }[];

/** Endpoints in the order in which one connection should try them: round robin over connections, each endpoint once. */
export function attemptOrder(endpoints: EndpointList, turn: number, attempts: number): EndpointList {
  const order: { ip: string; port: number }[] = [];
  for (let i = 0; i < Math.min(attempts, endpoints.length); i += 1)
    order.push(endpoints[(turn + i) % endpoints.length]);
  return order;
}
