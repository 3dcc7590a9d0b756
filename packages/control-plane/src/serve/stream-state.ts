/**
 * One ADS stream, state of the world, as a pure machine: requests and snapshots in, responses out. Time is a parameter.
 *
 * Rules (xDS protocol, https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol):
 * - A request with the nonce of the last response of its type answers it: ACK, or NACK where it has an error. One with another nonce
 *   crossed with a response and is ignored: its sender will answer that response, and repeat what it wants.
 * - What a request newly asks for is answered at once. A change of content is pushed, to the types it touches only, and a type has one
 *   response on the way at most.
 * - A refused response is not repeated; the next content is sent when there is one.
 * - Make before break. A push goes out as CDS, EDS, SDS, LDS, RDS, where listeners and routes wait until the sidecar has
 *   answered for clusters and endpoints and has asked for the endpoints of new clusters. Clusters and endpoints that went away are kept
 *   until the sidecar has taken the listeners and routes without them. No wait for an answer is longer than MAX_ANSWER_WAIT_MS.
 *
 *                 request                 poll                    request, its nonce
 *     (nothing) ----------> mustRespond ---------> sent, waiting ---------------------> sent, ack | nack
 *                                ^                      ^                                  |     |
 *                                '---- new names -------|----------------------------------'     |
 *                                                       '---- content changed (poll) ------------'
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { XDS_PUSH_ORDER, type XdsType } from '@tulle/xds';
import { MAX_ANSWER_WAIT_MS, MAX_SUBSCRIBED_NAMES } from './limits.js';
import { type Snapshot, sameResources, type TypeSnapshot } from './snapshot.js';
import { newSubscription, type Subscription, subscribe, wantedOf } from './subscription.js';

export interface StreamRequest {
  type: XdsType;
  names: readonly string[];
  /** Empty in the first request of a type. */
  nonce: string;
  /** Why the last response is refused. */
  error: string | undefined;
}

export interface StreamResponse {
  type: XdsType;
  version: string;
  nonce: string;
  resources: readonly Any[];
}

/** What a request turned out to be. `overflow`: it names more than MAX_SUBSCRIBED_NAMES; end the stream. */
export type RequestOutcome = 'subscribe' | 'ack' | 'nack' | 'stale' | 'overflow';

/** Where a stream stands with one type, for people. */
export interface TypeReport {
  sent: number;
  acked: number;
  nacked: number;
  version?: string;
  ackedVersion?: string;
  /** The last refusal, while nothing newer has been accepted. */
  error?: string;
}

export class StreamState {
  private readonly subscriptions = new Map<XdsType, Subscription>();
  private snapshot: Snapshot | undefined;
  private lastNonce = 0;

  /** What the node may be sent from now on. Until the first one nothing is sent. */
  setSnapshot(snapshot: Snapshot): void {
    this.snapshot = snapshot;
  }

  onRequest(request: StreamRequest): RequestOutcome {
    if (request.names.length > MAX_SUBSCRIBED_NAMES) return 'overflow';
    const known = this.subscriptions.get(request.type);
    const sent = known?.sent;
    // A nonce of an earlier stream, where nothing was sent yet in this one, is no answer.
    const answers = sent !== undefined && request.nonce !== '';
    if (answers && request.nonce !== sent.nonce) return 'stale';
    const subscription = known ?? newSubscription();
    this.subscriptions.set(request.type, subscription);
    const repeated = known !== undefined && !answers;
    subscribe(subscription, request.type, request.names, known === undefined);
    if (repeated) subscription.mustRespond = true;
    return answers ? answer(subscription, request.error) : 'subscribe';
  }

  /** What is to be sent now, in order, and when to ask again if nothing happens before. */
  poll(now: number): { responses: StreamResponse[]; wakeAt: number | undefined } {
    const responses: StreamResponse[] = [];
    if (this.snapshot === undefined) return { responses, wakeAt: undefined };
    for (const type of XDS_PUSH_ORDER) {
      const response = this.respond(type, this.snapshot, now);
      if (response !== undefined) responses.push(response);
    }
    return { responses, wakeAt: this.wakeAt(now) };
  }

  report(): Partial<Record<XdsType, TypeReport>> {
    const report: Partial<Record<XdsType, TypeReport>> = {};
    for (const type of XDS_PUSH_ORDER) {
      const subscription = this.subscriptions.get(type);
      if (subscription === undefined) continue;
      report[type] = {
        sent: subscription.sentCount,
        acked: subscription.ackCount,
        nacked: subscription.nackCount,
        version: subscription.sent?.version,
        ackedVersion: subscription.ackedVersion,
        error: subscription.error?.message,
      };
    }
    return report;
  }

  private respond(type: XdsType, snapshot: Snapshot, now: number): StreamResponse | undefined {
    const subscription = this.subscriptions.get(type);
    if (subscription === undefined) return undefined;
    const resources = this.desired(type, subscription, snapshot);
    const { sent } = subscription;
    if (!subscription.mustRespond) {
      if (sent === undefined || sameResources(sent.resources, resources)) return undefined;
      if (isWaiting(sent, now)) return undefined;
      if ((type === 'lds' || type === 'rds') && this.isMaking(snapshot, now)) return undefined;
    }
    const version = versionOf(snapshot[type], resources, subscription);
    const nonce = String(++this.lastNonce);
    subscription.sent = { nonce, version, resources, at: now, answer: 'waiting' };
    subscription.mustRespond = false;
    subscription.sentCount++;
    return { type, version, nonce, resources: [...resources.values()] };
  }

  /** What the sidecar should have of a type now. */
  private desired(type: XdsType, subscription: Subscription, snapshot: Snapshot): ReadonlyMap<string, Any> {
    const wanted = wantedOf(subscription, snapshot[type].resources);
    if ((type !== 'cds' && type !== 'eds') || subscription.sent === undefined || !this.isInUse(snapshot)) return wanted;
    const gone = [...subscription.sent.resources].filter(
      ([name]) => !wanted.has(name) && (subscription.wildcard || subscription.names.has(name)),
    );
    return gone.length === 0 ? wanted : new Map([...wanted, ...gone]);
  }

  /** True while clusters or endpoints are on their way that listeners and routes of this snapshot may need. */
  private isMaking(snapshot: Snapshot, now: number): boolean {
    const clusters = this.subscriptions.get('cds')?.sent;
    const endpoints = this.subscriptions.get('eds');
    if (isWaiting(clusters, now) || isWaiting(endpoints?.sent, now)) return true;
    if (clusters === undefined || endpoints === undefined || now >= clusters.at + MAX_ANSWER_WAIT_MS) return false;
    for (const name of clusters.resources.keys()) {
      if (snapshot.eds.resources.has(name) && !endpoints.wildcard && !endpoints.names.has(name)) return true;
    }
    return false;
  }

  /** True while the sidecar's listeners or routes may still be older ones, which name clusters that are gone. */
  private isInUse(snapshot: Snapshot): boolean {
    return (['lds', 'rds'] as const).some((type) => {
      const subscription = this.subscriptions.get(type);
      if (subscription?.sent === undefined) return false;
      const wanted = wantedOf(subscription, snapshot[type].resources);
      return subscription.sent.answer !== 'ack' || !sameResources(subscription.sent.resources, wanted);
    });
  }

  /** The next moment at which a wait ends. */
  private wakeAt(now: number): number | undefined {
    let earliest: number | undefined;
    for (const { sent } of this.subscriptions.values()) {
      const end = (sent?.at ?? Number.NEGATIVE_INFINITY) + MAX_ANSWER_WAIT_MS;
      if (end > now && (earliest === undefined || end < earliest)) earliest = end;
    }
    return earliest;
  }
}

/** The version of the snapshot, marked while resources that went away are kept beside it. */
function versionOf(snapshot: TypeSnapshot, resources: ReadonlyMap<string, Any>, subscription: Subscription): string {
  const kept = resources.size - wantedOf(subscription, snapshot.resources).size;
  return kept === 0 ? snapshot.version : `${snapshot.version}+${kept}`;
}

function isWaiting(sent: Subscription['sent'], now: number): boolean {
  return sent !== undefined && sent.answer === 'waiting' && now < sent.at + MAX_ANSWER_WAIT_MS;
}

function answer(subscription: Subscription, error: string | undefined): 'ack' | 'nack' {
  const sent = subscription.sent!; // The caller compared its nonce.
  const first = sent.answer === 'waiting';
  sent.answer = error === undefined ? 'ack' : 'nack';
  if (error === undefined) {
    subscription.ackedVersion = sent.version;
    subscription.error = undefined;
    if (first) subscription.ackCount++;
    return 'ack';
  }
  subscription.error = { version: sent.version, message: error };
  if (first) subscription.nackCount++;
  return 'nack';
}
