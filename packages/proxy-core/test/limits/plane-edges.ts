/** Limits that show in a whole data plane: counted in milliseconds, connections and bytes kept. */
import type { FilterChainConfig, ProxyConfig, RouteConfig } from '../../src/config/config.js';
import type { Limits } from '../../src/limits.js';
import { answering, get, ok, type Peer, post, Stage } from '../forward/stage.js';
import { silentBesideTls } from '../listen/opened.js';
import { cluster, config, toCluster } from '../proxy/fixture.js';
import type { Edge } from './edge.js';

function stage(
  limits: ProxyConfig['limits'],
  protocol: FilterChainConfig['protocol'] = 'http',
  more: Partial<RouteConfig['action']> = {},
): Stage {
  const route = toCluster('up');
  const action = { ...route.action, ...more } as RouteConfig['action'];
  return new Stage(
    config({
      port: 80,
      clusters: [cluster('up', [8080])],
      routes: [{ ...route, action }],
      chain: { protocol },
      limits,
    }),
  );
}

function statusOf(peer: Peer): string {
  return /^HTTP\/1\.1 (\d+)/.exec(peer.received)?.[1] ?? 'no answer';
}

/** A minute, so that no other limit is met first. */
const long = 60_000;

export const planeEdges = {
  headTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ headTimeoutMs: limit });
      const client = it.client('GET / HT');
      it.advance(ms);
      return statusOf(client);
    },
    limit: 500,
    within: 'no answer',
    beyond: '408',
  },
  detectDelayMs: {
    meet(limit, ms) {
      const it = stage({ detectDelayMs: limit }, 'auto');
      const upstream = it.server(8080);
      it.client();
      it.advance(ms);
      return upstream.length === 0 ? 'not dialled' : 'dialled';
    },
    limit: 50,
    within: 'not dialled',
    beyond: 'dialled',
  },
  tlsDetectDelayMs: {
    meet: (limit, ms) => silentBesideTls({ tlsDetectDelayMs: limit, detectDelayMs: 1 }, ms),
    limit: 500,
    within: 'not dialled',
    beyond: 'dialled',
  },
  downstreamIdleTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ downstreamIdleTimeoutMs: limit });
      it.server(8080, answering(ok));
      const client = it.client(get);
      it.advance(ms);
      return client.ending;
    },
    limit: 5_000,
    within: 'open',
    beyond: 'ended',
  },
  upstreamIdleTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ upstreamIdleTimeoutMs: limit });
      const upstream = it.server(8080, answering(ok));
      const client = it.client(get);
      it.advance(ms);
      client.send(get);
      it.settle();
      return upstream.length === 1 ? 'used again' : 'another';
    },
    limit: 5_000,
    within: 'used again',
    beyond: 'another',
  },
  streamIdleTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ streamIdleTimeoutMs: limit });
      it.server(8080);
      const client = it.client(get);
      it.advance(ms);
      return statusOf(client);
    },
    limit: 5_000,
    within: 'no answer',
    beyond: '504',
  },
  maxDownstreamConnections: {
    meet(limit, count) {
      const it = stage({ maxDownstreamConnections: limit });
      const clients = Array.from({ length: count }, () => it.client());
      return clients.map(({ ending }) => ending).join(', ');
    },
    limit: 2,
    within: 'open, open',
    beyond: 'open, open, reset',
  },
  maxReplayBytes: {
    meet(limit, size) {
      const retry = { attempts: 1, on: ['5xx'], anyMethod: true };
      const told: string[] = [];
      // Read with the head, and behind it.
      for (const first of [size, 3]) {
        const it = stage({ maxReplayBytes: limit }, 'http', { retry } as Partial<RouteConfig['action']>);
        let failed = false;
        it.server(8080, (peer) => {
          peer.onText = (all) => {
            if (!all.endsWith('!')) return;
            peer.send(failed ? ok : 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n');
            failed = true;
          };
        });
        const body = `${'x'.repeat(size - 1)}!`;
        const client = it.client(post(body.slice(0, first), size));
        if (first < size) client.send(body.slice(first));
        // A further try may wait a little.
        it.advance(10_000);
        told.push(statusOf(client));
      }
      return told.join(', ');
    },
    limit: 40,
    within: '200, 200',
    beyond: '503, 503',
  },
  lingerTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ lingerTimeoutMs: limit });
      it.server(8080, answering(ok));
      const client = it.client(get.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
      it.advance(ms);
      // Closed for good: what comes then is answered with a reset.
      client.send('x');
      it.settle();
      return client.ending;
    },
    limit: 500,
    within: 'ended',
    beyond: 'reset',
  },
  drainIdleGraceMs: {
    meet(limit, ms) {
      const it = stage({ drainIdleGraceMs: limit, drainTimeoutMs: long });
      it.server(8080, answering(ok));
      const client = it.client(get);
      it.plane.drain(() => {});
      it.advance(ms);
      return client.ending;
    },
    limit: 500,
    within: 'open',
    beyond: 'ended',
  },
  drainTimeoutMs: {
    meet(limit, ms) {
      const it = stage({ drainTimeoutMs: limit });
      it.server(8080);
      let cut = 'under way';
      it.client(get);
      it.plane.drain((count) => {
        cut = `${count} cut`;
      });
      it.advance(ms);
      return cut;
    },
    limit: 500,
    within: 'under way',
    beyond: '1 cut',
    // A drain looks every 50 ms.
    laterMs: 60,
  },
} satisfies Partial<Record<keyof Limits, Edge>>;
