import type { RunInfo } from '../result/bench-result.js';

/** Where something runs: with the client (the generator and the proxy beside it) or with the server. */
export type Place = 'client' | 'server';

/** The network between client and server. */
export interface Topology {
  kind: RunInfo['topology'];
  /** The address under which a program at `place` is reached by one at `from`; a program listens where those who reach it look. */
  host(place: Place, from: Place): string;
  /** The address on which a server listens that is reached from both places. */
  anyHost: string;
  /** The command as it runs at a place; it stays one process with one id. */
  enter(command: readonly string[], place: Place): string[];
  close(): Promise<void>;
}

/** Everything on this machine's loopback. */
export const loopback: Topology = {
  kind: 'loopback',
  host: () => '127.0.0.1',
  anyHost: '127.0.0.1',
  enter: (command) => [...command],
  close: async () => {},
};
