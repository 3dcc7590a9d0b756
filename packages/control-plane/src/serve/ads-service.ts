import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { svidIdentity, type WorkloadIdentity } from '@tulle/xds';
import type { DiscoveryRequest, DiscoveryResponse } from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import { AdsStream, type StreamReport } from './ads-stream.js';
import { debounce } from './debounce.js';
import type { Log, ServeEvents, SetTimer } from './events.js';
import { MAX_ADS_STREAMS, PUSH_MAX_DELAY_MS, PUSH_QUIET_MS } from './limits.js';
import { type MeshConfig, NodeSnapshots, type Translate } from './node-snapshots.js';

export interface AdsServiceOptions {
  trustDomain: string;
  translate: Translate;
  events: ServeEvents;
  log: Log;
  now: () => number;
  setTimer: SetTimer;
  /** Runs a callback in a later turn of the event loop. */
  defer: (callback: () => void) => void;
}

type Call = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** All streams, and the configuration that they are told. */
export interface AdsService {
  /** Handler of StreamAggregatedResources. */
  handle(call: Call): void;
  /** Takes a new configuration, and pushes it after a short quiet. */
  update(config: MeshConfig): void;
  report(): StreamReport[];
  /** Ends all streams: UNAVAILABLE, which sidecars take as an invitation to come again. */
  close(): void;
}

export function createAdsService(options: AdsServiceOptions): AdsService {
  const { events, log, now, setTimer } = options;
  const streams = new Set<AdsStream>();
  const snapshots = new NodeSnapshots(options.translate);
  const queue = new Set<AdsStream>();
  let config: MeshConfig | undefined;
  let draining = false;

  /** One stream a turn: while thousands are served, the event loop still answers everybody else. */
  function serveQueue(): void {
    const [stream] = queue;
    if (stream === undefined) {
      draining = false;
      return;
    }
    queue.delete(stream);
    stream.refresh();
    options.defer(serveQueue);
  }

  const push = debounce({ quietMs: PUSH_QUIET_MS, maxDelayMs: PUSH_MAX_DELAY_MS, now, setTimer }, () => {
    for (const stream of streams) queue.add(stream);
    if (draining || queue.size === 0) return;
    draining = true;
    options.defer(serveQueue);
  });

  return {
    handle(call) {
      const peer = peerOf(call, options.trustDomain);
      if (peer === undefined) {
        const details = `a certificate with a SPIFFE ID of ${options.trustDomain} is required`;
        call.emit('error', { code: status.UNAUTHENTICATED, details });
        return;
      }
      if (streams.size >= MAX_ADS_STREAMS) {
        call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: `${MAX_ADS_STREAMS} streams are open already` });
        return;
      }
      const stream = new AdsStream(call, { ...peer, config: () => config, snapshots, events, log, now, setTimer });
      streams.add(stream);
      events.streamOpened();
      const forget = () => {
        if (!streams.delete(stream)) return;
        queue.delete(stream);
        stream.close();
        events.streamClosed();
      };
      for (const event of ['cancelled', 'error', 'finish']) call.on(event, forget);
    },
    update(next) {
      config = next;
      push();
    },
    report: () => [...streams].map((stream) => stream.report()),
    close() {
      for (const stream of streams) stream.fail(status.UNAVAILABLE, 'the control plane is stopping');
    },
  };
}

/** Whom the TLS layer has verified; undefined for a certificate that is no SVID of the trust domain. */
function peerOf(call: Call, trustDomain: string): { svid: WorkloadIdentity; svidNotAfter: number } | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate === undefined) return undefined;
  const svid = svidIdentity(certificate.raw);
  if (svid?.trustDomain !== trustDomain) return undefined;
  return { svid, svidNotAfter: Date.parse(certificate.valid_to) };
}
