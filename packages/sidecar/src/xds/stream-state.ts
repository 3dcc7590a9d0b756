/**
 * The sidecar's side of one ADS stream, state of the world. Pure: responses in, requests out.
 *
 * Rules (xDS protocol, https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol):
 * - Each response is answered by a request of its type with its nonce: with its version when it is taken (ACK), with the version before and an
 *   error that names resource and field when any of it is refused (NACK).
 * - A request holds all names that are wanted of its type; none for listeners and clusters, of which all are wanted.
 * - When an accepted resource refers to others, they are asked for at once, under the nonce of their type's last response.
 * - A new stream begins with the versions held, and without nonces.
 *
 *     (nothing) -- open --> asked -- response --> answered -- names changed --> asked again
 *                                       ^            |
 *                                       '------------'
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { XDS_PUSH_ORDER, type XdsType } from '@tulle/xds';
import { MAX_REFUSAL_TEXT } from '../limits.js';
import type { ResourceStore } from './resource-store.js';

export interface StreamRequest {
  readonly type: XdsType;
  readonly version: string;
  /** Empty in the first request of a type. */
  readonly nonce: string;
  /** Empty: all there are, of listeners and clusters; none, of the others. */
  readonly names: readonly string[];
  /** Why the response with that nonce is refused. */
  readonly error: string | undefined;
}

export interface StreamResponse {
  readonly type: XdsType;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Any[];
}

export class StreamState {
  private readonly store: ResourceStore;
  private readonly nonces: Map<XdsType, string> = new Map();
  private readonly asked: Map<XdsType, readonly string[]> = new Map();

  constructor(store: ResourceStore) {
    this.store = store;
  }

  /** The requests that a new stream begins with. */
  open(): StreamRequest[] {
    return XDS_PUSH_ORDER.flatMap((type) => this.askWhatChanged(type));
  }

  /** Takes a response. The first request answers it; `refusals` is empty when it was taken whole. */
  receive(response: StreamResponse): { requests: StreamRequest[]; refusals: string[] } {
    const { type, version, nonce, resources } = response;
    this.nonces.set(type, nonce);
    const refusals = this.store.accept(type, version, resources);
    const error = refusals.length === 0 ? undefined : refusals.join('; ').slice(0, MAX_REFUSAL_TEXT);
    const answer = this.request(type, error);
    const others = XDS_PUSH_ORDER.filter((other) => other !== type);
    return { requests: [answer, ...others.flatMap((other) => this.askWhatChanged(other))], refusals };
  }

  private askWhatChanged(type: XdsType): StreamRequest[] {
    const wanted = this.store.wanted(type);
    const asked = this.asked.get(type);
    // Of a type that is had by name nothing is asked before there is a name; an empty first request would mean all of it.
    if (asked === undefined) return wanted?.length === 0 ? [] : [this.request(type, undefined)];
    return isSame(asked, wanted ?? []) ? [] : [this.request(type, undefined)];
  }

  private request(type: XdsType, error: string | undefined): StreamRequest {
    const names = this.store.wanted(type) ?? [];
    this.asked.set(type, names);
    return { type, version: this.store.version(type), nonce: this.nonces.get(type) ?? '', names, error };
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
