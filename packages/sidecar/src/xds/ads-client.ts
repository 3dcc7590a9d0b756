/**
 * Keeps an ADS stream to the control plane open: the I/O around `StreamState`. Losing the control plane loses nothing; it is tried again for ever.
 *
 *     connecting -- first response --> connected
 *         ^  '----- error ------.         | end, error, silence
 *         |                     v         v
 *         '---- wait over ---- waiting <--'
 */
import { create } from '@bufbuild/protobuf';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { AdsClient, encodeNode, type NodeFacts, typeUrl, xdsTypeOf } from '@tulle/xds';
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import { StatusSchema } from '@tulle/xds/gen/google/rpc/status_pb.js';
import { Backoff } from '../backoff.js';
import type { ClientCredentials } from '../identity/credentials.js';
import {
  FIRST_RESPONSE_TIMEOUT_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_LONGEST_MS,
  RECONNECT_REFUSED_LONGEST_MS,
} from '../limits.js';
import type { Outside } from '../outside.js';
import { channelOptions } from './channel.js';
import type { ResourceStore } from './resource-store.js';
import { controlPlaneCheck } from './server-check.js';
import { type StreamRequest, StreamState } from './stream-state.js';

export interface AdsClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly serverName: string;
  readonly trustDomain: string;
  readonly node: NodeFacts;
  /** Of this program, for people who look at what is connected. */
  readonly version: string;
  readonly store: ResourceStore;
  /** Asked at each connect: after a renewal the next connection shows the new certificate, and the open one goes on. */
  readonly credentials: () => ClientCredentials;
  /** Roots for the server beside those of the credentials, PEM. */
  readonly rootsPem: () => string;
  readonly events: AdsEvents;
  readonly outside: Outside;
}

export interface AdsEvents {
  /** A response was taken, whole or in part. */
  changed(): void;
  refused(count: number): void;
  connected(isConnected: boolean): void;
}

export class AdsConnection {
  private readonly options: AdsClientOptions;
  private readonly backoff: Backoff;
  private stop: () => void = () => {};
  private closed = false;
  private lastFailure = '';

  constructor(options: AdsClientOptions) {
    this.options = options;
    this.backoff = new Backoff(RECONNECT_FIRST_MS, RECONNECT_LONGEST_MS, options.outside.random);
  }

  start(): void {
    this.connect();
  }

  close(): void {
    this.closed = true;
    this.stop();
  }

  private connect(): void {
    const { options } = this;
    const { log, setTimer } = options.outside;
    let client: AdsClient;
    try {
      client = this.client();
    } catch (error) {
      this.retry(`the connection could not be prepared: ${(error as Error).message}`);
      return;
    }
    const state = new StreamState(options.store);
    const call = client.stream(new Metadata());
    const node = encodeNode(options.node, options.version);
    let isFirst = true;
    let isOver = false;
    const write = (requests: readonly StreamRequest[]): void => {
      for (const request of requests) {
        call.write(discoveryRequest(request, isFirst ? node : undefined));
        isFirst = false;
      }
    };
    let isConnected = false;
    const end = (): void => {
      isOver = true;
      cancelSilence();
      call.cancel();
      client.close();
      if (isConnected) options.events.connected(false);
    };
    const lost = (reason: string): void => {
      if (isOver) return;
      end();
      this.retry(reason);
    };
    const cancelSilence = setTimer(FIRST_RESPONSE_TIMEOUT_MS, () => lost('no response came in time'));
    call.on('data', (response: DiscoveryResponse) => {
      if (isOver) return;
      if (!isConnected) {
        isConnected = true;
        cancelSilence();
        this.backoff.reset();
        this.lastFailure = '';
        options.events.connected(true);
        log.info(
          { address: options.address, controlPlane: response.controlPlane?.identifier },
          'control plane connected',
        );
      }
      write(this.take(state, response));
    });
    call.on('error', (error: ServiceError) =>
      lost(`${status[error.code] ?? 'error'}: ${error.details || error.message}`),
    );
    call.on('end', () => lost('the control plane ended the stream'));
    this.stop = () => {
      if (!isOver) end();
    };
    write(state.open());
  }

  private take(state: StreamState, response: DiscoveryResponse): StreamRequest[] {
    const { log } = this.options.outside;
    const type = xdsTypeOf(response.typeUrl);
    if (type === undefined) {
      log.warn({ typeUrl: response.typeUrl.slice(0, 200) }, 'a response of an unknown type was ignored');
      return [];
    }
    const { versionInfo: version, nonce, resources } = response;
    const { requests, refusals } = state.receive({ type, version, nonce, resources });
    if (refusals.length > 0) {
      log.error({ type, version, refusals }, 'configuration refused; the last good one stays');
      this.options.events.refused(refusals.length);
    } else {
      log.info({ type, version, resources: resources.length }, 'configuration received');
    }
    this.options.events.changed();
    return requests;
  }

  private client(): AdsClient {
    const { address, serverName, trustDomain, rootsPem } = this.options;
    const { certificateChainPem, privateKeyPem, trustPem } = this.options.credentials();
    const roots = Buffer.from(`${rootsPem()}\n${trustPem}`);
    const channel = credentials.createSsl(roots, Buffer.from(privateKeyPem), Buffer.from(certificateChainPem), {
      checkServerIdentity: controlPlaneCheck(trustDomain),
    });
    return new AdsClient(address, channel, channelOptions(serverName));
  }

  private retry(reason: string): void {
    if (this.closed) return;
    const { log, setTimer } = this.options.outside;
    // gRPC tells it in words only.
    const isRefused = reason.includes('ECONNREFUSED');
    const waitMs = Math.round(this.backoff.next(isRefused ? RECONNECT_REFUSED_LONGEST_MS : RECONNECT_LONGEST_MS));
    // Once for each reason: a control plane that is away for a day does not fill the log.
    if (reason !== this.lastFailure) {
      log.warn({ address: this.options.address, reason, waitMs }, 'control plane lost; going on with what is known');
    }
    this.lastFailure = reason;
    this.stop = setTimer(waitMs, () => this.connect());
  }
}

function discoveryRequest(request: StreamRequest, node: ReturnType<typeof encodeNode> | undefined) {
  const { type, version, nonce, names, error } = request;
  return create(DiscoveryRequestSchema, {
    typeUrl: typeUrl[type],
    versionInfo: version,
    responseNonce: nonce,
    resourceNames: [...names],
    node,
    errorDetail:
      error === undefined ? undefined : create(StatusSchema, { code: status.INVALID_ARGUMENT, message: error }),
  });
}
