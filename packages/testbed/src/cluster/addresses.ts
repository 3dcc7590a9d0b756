/**
 * Pod addresses inside the testbed's own network: 10.244.0.0/16, where .0.1 is the node's bridge and .0.2 the control plane.
 * A pod keeps its address for as long as the testbed runs, also when it is made anew.
 */
export const nodeIp = '10.244.0.1';
export const controlPlaneIp = '10.244.0.2';
export const serviceNetwork = '10.96.0.0/16';

const firstHost = 5;
const lastHost = 65_000;

/** Hands out addresses in order, the same one for the same key again. Throws when the network is full. */
export class PodAddresses {
  readonly #byKey: Map<string, string> = new Map();
  readonly #format: (host: number) => string;
  #next: number = firstHost;

  constructor(format: (host: number) => string = (host) => `10.244.${host >> 8}.${host & 255}`) {
    this.#format = format;
  }

  addressOf(key: string): string {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    // .0 and .255 of a /24 are legal here but look wrong to people: leave them out.
    while ((this.#next & 255) === 0 || (this.#next & 255) === 255) this.#next += 1;
    if (this.#next > lastHost) throw new Error(`more than ${lastHost} pods were made: run \`down\` and \`up\` again`);
    const address = this.#format(this.#next);
    this.#next += 1;
    this.#byKey.set(key, address);
    return address;
  }
}

/** True when `ip` lies in 10.96.0.0/16, which the node routes to itself as a whole. */
export function inServiceNetwork(ip: string): boolean {
  return ip.startsWith('10.96.');
}
