/** Connections of every ending, many times over, on one engine that plays both sides; and what the process holds before and after. */
import { readdirSync, readlinkSync } from 'node:fs';
import { createAuthority, RecordingHandler, type Scene } from '@tulle/testkit';
import type { Connection, TlsContext, TlsContextOptions } from '../../src/io/io.js';

const authority = await createAuthority();
const identity = await authority.svid('spiffe://cluster.local/ns/default/sa/me');
const stranger = await (await createAuthority('Stranger')).svid('spiffe://cluster.local/ns/default/sa/me');
const body = new Uint8Array(300_000);

interface Contexts {
  readonly client: TlsContext;
  readonly server: TlsContext;
  readonly stranger: TlsContext;
}

/** Does something to a connection: `gone` when its owner hears nothing of it any more. */
type Act = (connection: Connection) => 'gone' | 'told';

const endsIt: Act = (connection) => {
  connection.end();
  return 'told';
};
const destroysIt: Act = (connection) => {
  connection.destroy(false);
  return 'gone';
};
const resetsIt: Act = (connection) => {
  connection.destroy(true);
  return 'gone';
};
const writesBody: Act = (connection) => {
  connection.write(body, 0, body.length, false);
  return 'told';
};
const all =
  (...acts: Act[]): Act =>
  (connection) =>
    acts.map((act) => act(connection)).includes('gone') ? 'gone' : 'told';

/** One kind: how the server takes it, and what is done to the client's end when it is made, to it when it is open, and to the server's end when that is. */
interface Ending {
  readonly server: 'start' | 'nothing' | 'destroy' | 'sniff' | 'refuse';
  readonly client?: 'stranger';
  readonly timeoutMs?: number;
  readonly made?: Act;
  readonly opened?: Act;
  readonly accepted?: Act;
}

const endings: Readonly<Record<string, Ending>> = {
  'both end': { server: 'start', opened: endsIt, accepted: endsIt },
  'the client ends first': { server: 'start', opened: endsIt },
  'the server ends first': { server: 'start', accepted: endsIt },
  'half-closed, then reset by the client': { server: 'start', opened: all(endsIt, resetsIt) },
  'half-closed, then reset by the server': { server: 'start', accepted: all(endsIt, resetsIt) },
  'reset by the client': { server: 'start', opened: resetsIt },
  'reset by the server': { server: 'start', accepted: resetsIt },
  'destroyed by the client': { server: 'start', opened: destroysIt },
  'destroyed by the server': { server: 'start', accepted: destroysIt },
  'in the middle of a body, by the reader': { server: 'start', opened: writesBody, accepted: resetsIt },
  'in the middle of a body, by the writer': { server: 'start', opened: all(writesBody, resetsIt) },
  'end behind a body that is held': { server: 'start', opened: all(writesBody, endsIt) },
  'given up before it was made': { server: 'start', made: destroysIt },
  'closed as it was accepted': { server: 'destroy' },
  'closed while it was sniffed': { server: 'sniff', opened: resetsIt, timeoutMs: 20 },
  'never answered until the deadline': { server: 'nothing', opened: destroysIt, timeoutMs: 20 },
  'an identity that is not let in': { server: 'start', client: 'stranger', opened: endsIt },
  // The port may have become another listener's.
  'nobody listens': { server: 'refuse', opened: destroysIt },
};

export const kinds: number = Object.keys(endings).length;

/** Makes and ends `count` connections, over TLS or not; gives how many of them were of each kind. Nothing of them is left when it resolves. */
export async function churn(scene: Scene, count: number, tls: boolean): Promise<ReadonlyMap<string, number>> {
  const contexts = tls ? makeContexts(scene) : undefined;
  const done = new Map<string, number>();
  const names = Object.keys(endings);
  const groupSize = 60;
  for (let first = 0; first < count; first += groupSize) {
    const group = Array.from(
      { length: Math.min(groupSize, count - first) },
      (_, i) => names[(first + i) % names.length],
    );
    await playGroup(scene, group, contexts);
    for (const name of group) done.set(name, (done.get(name) ?? 0) + 1);
  }
  for (const context of Object.values(contexts ?? {})) (context as TlsContext).release();
  return done;
}

async function playGroup(scene: Scene, group: readonly string[], contexts: Contexts | undefined): Promise<void> {
  const far: Connection[] = [];
  const open: string[] = [];
  const track = (handler: RecordingHandler): RecordingHandler => {
    handler.keep = false;
    return handler;
  };
  const listeners = new Map([...new Set(group)].map((name) => [name, listenFor(name)]));

  function listenFor(name: string) {
    const ending = endings[name];
    const serve = (connection: Connection): void => {
      const handler = track(
        new RecordingHandler({
          onOpen: (connection) => void ending.accepted?.(connection),
          onEnd: (connection) => connection.end(),
        }),
      );
      if (contexts === undefined) connection.startPlain(handler);
      else connection.startTls(contexts.server, handler);
    };
    const { socket } = scene.listen((connection) => {
      far.push(connection);
      if (ending.server === 'start') serve(connection);
      else if (ending.server === 'destroy') connection.destroy(false);
      else if (ending.server === 'sniff') {
        connection.sniff({ onSniff: () => {}, onEnd: (connection) => connection.destroy(false), onClose() {} });
      }
    });
    if (ending.server === 'refuse') socket.close();
    return socket;
  }

  for (const name of group) {
    const ending = endings[name];
    const socket = listeners.get(name)!;
    let isOver = false;
    const over = (): void => {
      if (!isOver) open.splice(open.indexOf(name), 1);
      isOver = true;
    };
    const handler = track(
      new RecordingHandler({
        onOpen: (connection) => {
          if (ending.opened?.(connection) === 'gone') over();
        },
        onEnd: (connection) => connection.end(),
        onClose: over,
      }),
    );
    open.push(name);
    const context =
      contexts === undefined ? undefined : ending.client === 'stranger' ? contexts.stranger : contexts.client;
    const near = scene.connect(socket.address, handler, context, ending.timeoutMs);
    if (ending.made?.(near) === 'gone') over();
  }
  await scene
    .until('every client is over', () => open.length === 0)
    .catch((error) => {
      throw new Error(`${error.message}: ${open.join(', ')}`);
    });
  await scene.settle(3);
  for (const socket of listeners.values()) socket.close();
  // What the clients never spoke to, and what is still to notice that they are gone.
  for (const connection of far) connection.destroy(true);
}

function makeContexts(scene: Scene): Contexts {
  const options: TlsContextOptions = {
    side: 'client',
    ...identity,
    trustPem: authority.rootPem,
    requirePeerCertificate: true,
    alpn: ['tulle-tcp'],
  };
  return {
    client: scene.io.tlsContext(options),
    server: scene.io.tlsContext({ ...options, side: 'server' }),
    stranger: scene.io.tlsContext({ ...options, ...stranger }),
  };
}

/** Sockets of the process, as the kernel lists them. */
export function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      // The descriptor of the listing itself.
      return false;
    }
  }).length;
}
