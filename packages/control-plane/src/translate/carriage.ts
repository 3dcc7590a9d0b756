import type { ServiceProtocol } from '@tulle/api';

/** How the bytes of a port are carried: as HTTP/1.1 messages, as they are, or as one of the two that the first bytes tell. */
export type Carriage = 'http' | 'tcp' | 'auto';

/** HTTP/2 is carried as it is: routed as HTTP/1.1 it would lose its streams and trailers. */
export function carriageOf(protocol: ServiceProtocol): Carriage {
  return protocol === 'http' || protocol === 'auto' ? protocol : 'tcp';
}
