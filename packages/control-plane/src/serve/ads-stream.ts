import { create } from '@bufbuild/protobuf';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import {
  decodeNode,
  type NodeFacts,
  nodeId,
  spiffeId,
  typeUrl,
  type WorkloadIdentity,
  type XdsType,
  xdsTypeOf,
} from '@tulle/xds';
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import type { NodeIdentity } from '../translate/resources.js';
import { authorizeNode } from './authorize.js';
import type { Log, ServeEvents, SetTimer } from './events.js';
import { MAX_ERROR_TEXT, MAX_SUBSCRIBED_NAMES } from './limits.js';
import type { MeshConfig, NodeSnapshots } from './node-snapshots.js';
import { type RequestOutcome, StreamState, type TypeReport } from './stream-state.js';

export type AdsCall = Pick<
  ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>,
  'on' | 'write' | 'end' | 'emit' | 'pause' | 'resume'
>;

export interface AdsStreamOptions {
  /** From the verified certificate of the connection. */
  svid: WorkloadIdentity;
  /** When that certificate ends, in milliseconds since the epoch. The stream ends then, and its sidecar comes again with a new one. */
  svidNotAfter: number;
  /** Undefined until there is a first good configuration: the stream waits. */
  config: () => MeshConfig | undefined;
  snapshots: NodeSnapshots;
  events: ServeEvents;
  log: Log;
  now: () => number;
  setTimer: SetTimer;
}

export interface StreamReport {
  node: string;
  identity: string;
  connectedAt: number;
  /** Of the model that the stream was last told from; undefined before the first. */
  generation: number | undefined;
  types: Partial<Record<XdsType, TypeReport>>;
}

/** The I/O of one stream around its machine: who it is, flow control, timers, its end. */
export class AdsStream {
  private readonly call: AdsCall;
  private readonly options: AdsStreamOptions;
  private readonly state = new StreamState();
  private readonly connectedAt: number;
  private nodeId = '';
  private facts: NodeFacts | undefined;
  private node: NodeIdentity | undefined;
  private generation: number | undefined;
  private blocked = false;
  private closed = false;
  private cancelWake: () => void = () => {};
  private readonly cancelExpiry: () => void;

  constructor(call: AdsCall, options: AdsStreamOptions) {
    this.call = call;
    this.options = options;
    this.connectedAt = options.now();
    this.cancelExpiry = options.setTimer(options.svidNotAfter - this.connectedAt, () =>
      this.fail(status.UNAUTHENTICATED, 'the certificate of this connection has expired: connect again with a new one'),
    );
    call.on('data', (request: DiscoveryRequest) => this.onRequest(request));
    call.on('drain', () => this.onDrain());
    call.on('end', () => call.end());
  }

  /** The configuration has changed: checks again that the node may have it, and pushes what changed. */
  refresh(): void {
    const config = this.options.config();
    if (this.closed || this.facts === undefined || config === undefined) return;
    const decision = authorizeNode(config.model, this.options.svid, this.facts);
    if ('error' in decision) {
      this.fail(status.PERMISSION_DENIED, decision.error);
      return;
    }
    if (this.node === undefined) {
      this.node = decision.node;
      this.options.snapshots.retain(this.node);
    }
    try {
      this.state.setSnapshot(this.options.snapshots.get(this.node, config));
      this.generation = config.model.generation;
    } catch (err) {
      // Our bug, in the translation for this node: the others go on, and this one keeps what it has.
      this.options.log.error({ node: this.nodeId, err }, 'configuration not translated');
      return;
    }
    this.flush();
  }

  report(): StreamReport {
    const { nodeId: node, connectedAt, generation } = this;
    return { node, identity: spiffeId(this.options.svid), connectedAt, generation, types: this.state.report() };
  }

  /** Ends the stream with a gRPC status. */
  fail(code: status, details: string): void {
    if (this.closed) return;
    this.options.log.warn({ node: this.nodeId, code: status[code], details }, 'ads stream ended');
    this.call.emit('error', { code, details });
    this.close();
  }

  /** Forgets everything; the call is over, or is about to be. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.cancelWake();
    this.cancelExpiry();
    if (this.node !== undefined) this.options.snapshots.release(this.node);
  }

  private onRequest(request: DiscoveryRequest): void {
    if (this.closed) return;
    const type = xdsTypeOf(request.typeUrl);
    if (type === undefined) {
      const known = Object.values(typeUrl).join(', ');
      this.fail(status.INVALID_ARGUMENT, `type_url "${request.typeUrl.slice(0, 200)}" is none of ${known}`);
      return;
    }
    const isFirst = this.facts === undefined;
    if (isFirst && !this.identify(request)) return;
    const error = request.errorDetail === undefined ? undefined : request.errorDetail.message.slice(0, MAX_ERROR_TEXT);
    const { resourceNames: names, responseNonce: nonce } = request;
    const outcome = this.state.onRequest({ type, names, nonce, error });
    if (outcome === 'overflow') {
      const details = `more than ${MAX_SUBSCRIBED_NAMES} resource_names of ${request.typeUrl}`;
      this.fail(status.RESOURCE_EXHAUSTED, details);
      return;
    }
    this.note(type, outcome, error);
    if (isFirst) this.refresh();
    else this.flush();
  }

  /** Takes the node of the first request; later requests need not repeat it. */
  private identify(request: DiscoveryRequest): boolean {
    const decoded = request.node === undefined ? { error: 'the first request has no node' } : decodeNode(request.node);
    if ('error' in decoded) {
      this.fail(status.INVALID_ARGUMENT, decoded.error);
      return false;
    }
    this.facts = decoded.facts;
    this.nodeId = nodeId(decoded.facts);
    return true;
  }

  private note(type: XdsType, outcome: RequestOutcome, error: string | undefined): void {
    if (outcome === 'ack' || outcome === 'nack' || outcome === 'stale') this.options.events.answered(type, outcome);
    if (outcome === 'nack') this.options.log.warn({ node: this.nodeId, type, error }, 'configuration refused');
  }

  private flush(): void {
    if (this.closed || this.blocked) return;
    const now = this.options.now();
    const { responses, wakeAt } = this.state.poll(now);
    for (const { type, version, nonce, resources } of responses) {
      const message = create(DiscoveryResponseSchema, {
        typeUrl: typeUrl[type],
        versionInfo: version,
        nonce,
        resources: [...resources],
        controlPlane: { identifier: 'tulle' },
      });
      this.options.events.pushed(type, resources.length);
      if (!this.call.write(message)) this.blocked = true;
    }
    // A sidecar that does not read is not read from either: requests would make more responses.
    if (this.blocked) this.call.pause();
    this.cancelWake();
    if (wakeAt !== undefined) this.cancelWake = this.options.setTimer(wakeAt - now, () => this.flush());
  }

  private onDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.call.resume();
    this.flush();
  }
}
