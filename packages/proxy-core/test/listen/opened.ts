/** An `Opening` on a wire, with a clock that the test moves. */
import type { ConnectionHandler } from '../../src/io/io.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import type { Chain, ChainSet } from '../../src/listen/chains.js';
import { Opening, type OpeningOwner } from '../../src/opening.js';
import { compileAuthorization } from '../../src/policy/authorize.js';
import { Wire, WireIo } from '../codec/wire.js';

const nobody: ConnectionHandler = { onOpen() {}, onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const context = { key: 'k', release() {} };

export function chain(name: string, tls: boolean, protocol: Chain['protocol'] = 'http'): Chain {
  return {
    name,
    protocol,
    alpn: undefined,
    tls: tls ? { context, requireClientCertificate: false, expected: undefined } : undefined,
    routes: undefined,
    tcp: undefined,
    authorization: compileAuthorization([]),
  };
}

export interface Opened {
  readonly io: WireIo;
  readonly wire: Wire;
  readonly opening: Opening;
  /** What HTTP was told of the time that is left for the first head. */
  readonly left: number[];
  readonly rejected: string[];
  /** How often a server was dialled ahead. */
  readonly dialled: () => number;
}

/** With those candidates. */
export function opened(set: ChainSet, limits: Partial<Limits> = {}): Opened {
  const io = new WireIo();
  const wire = new Wire();
  const left: number[] = [];
  const rejected: string[] = [];
  let dialled = 0;
  const owner: OpeningOwner = {
    chains: () => set,
    http: (_connection, _peerUri, headTimeoutMs) => {
      left.push(headTimeoutMs);
      return nobody;
    },
    tunnel: () => undefined,
    dialAhead: () => {
      dialled++;
      return undefined;
    },
    rejected: (_connection, failed) => rejected.push(failed.reason),
  };
  const services = {
    clock: io.clock,
    timers: io.timers,
    limits: { ...defaultLimits, ...limits },
    openingStarted: () => {},
    openingFinished: () => {},
  };
  const opening = new Opening(services, owner, wire);
  opening.start();
  return { io, wire, opening, left, rejected, dialled: () => dialled };
}

/** Whether the server was dialled for a client that has said nothing for that long, where TLS is served too. */
export function silentBesideTls(limits: Partial<Limits>, ms: number): string {
  const { io, dialled } = opened(
    { tls: [chain('tls', true)], passthrough: [], plain: [chain('plain', false, 'auto')] },
    limits,
  );
  io.advance(ms);
  return dialled() === 0 ? 'not dialled' : 'dialled';
}
