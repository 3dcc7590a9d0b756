import fc from 'fast-check';
import { formatAddress, maskByte } from '../src/rules/cidr.js';

const port = fc.integer({ min: 1, max: 65535 });
const id = fc.integer({ min: 1, max: 0xffff_fffe });

/** Canonical networks of both families, IPv4 in IPv6 clothing left out. */
export const cidrText: fc.Arbitrary<string> = fc.oneof(network(4), network(16));

function network(length: 4 | 16): fc.Arbitrary<string> {
  const first = fc.integer({ min: 1, max: 255 });
  const rest = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length - 1, maxLength: length - 1 });
  return fc.tuple(first, rest, fc.integer({ min: 1, max: length * 8 })).map(([head, tail, prefix]) => {
    return `${formatAddress([head, ...tail].map((byte, i) => byte & maskByte(prefix, i)))}/${prefix}`;
  });
}

/** Valid rules in their JSON shape. */
export const rulesJson: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    outboundPort: port,
    inboundPort: port,
    proxy: fc.oneof(fc.record({ uid: id }), fc.record({ mark: id }), fc.record({ uid: id, mark: id })),
    sidecarPorts: fc.record({ admin: port, metrics: port, health: port }, { requiredKeys: [] }),
    exclude: fc.record(
      {
        inboundPorts: fc.array(port, { maxLength: 6 }),
        outboundPorts: fc.array(port, { maxLength: 6 }),
        outboundCidrs: fc.array(cidrText, { maxLength: 6 }),
        uids: fc.array(id, { maxLength: 4 }),
      },
      { requiredKeys: [] },
    ),
  })
  .filter((rules) => rules.outboundPort !== rules.inboundPort);
