import type { Any } from '@bufbuild/protobuf/wkt';
import type { XdsType } from '@tulle/xds';

/** What a response came to: nobody said yet, the sidecar uses it, or it refused it and keeps what it had. */
type Answer = 'waiting' | 'ack' | 'nack';

/** The last response of one type. */
interface Sent {
  readonly nonce: string;
  readonly version: string;
  /** Less what the sidecar has unsubscribed from since. */
  resources: ReadonlyMap<string, Any>;
  /** Milliseconds. */
  readonly at: number;
  answer: Answer;
}

/** What a stream wants of one type, and where it stands. */
export interface Subscription {
  /** All resources of the type, present and future. */
  wildcard: boolean;
  /** Some request of this type had a name, be it `*`. */
  named: boolean;
  names: ReadonlySet<string>;
  /** A request asked for something: answer it, changed or not. */
  mustRespond: boolean;
  sent: Sent | undefined;
  ackedVersion: string | undefined;
  /** The refusal of `sent`, or of an earlier response if `sent` waits still. */
  error: { version: string; message: string } | undefined;
  sentCount: number;
  ackCount: number;
  nackCount: number;
}

export function newSubscription(): Subscription {
  return {
    wildcard: false,
    named: false,
    names: new Set(),
    mustRespond: false,
    sent: undefined,
    ackedVersion: undefined,
    error: undefined,
    sentCount: 0,
    ackCount: 0,
    nackCount: 0,
  };
}

/**
 * Takes the names of a request.
 *
 * Listeners and clusters can be had without naming them: by the name `*`, or by no name as long as the stream has never named any
 * of the type; after that no name means nothing (xDS protocol, "How the client specifies what resources to return").
 */
export function subscribe(subscription: Subscription, type: XdsType, names: readonly string[], first: boolean): void {
  const wanted = new Set(names);
  subscription.named ||= wanted.size > 0;
  const star = wanted.delete('*');
  const wildcard = (type === 'lds' || type === 'cds') && (star || !subscription.named);
  const added = [...wanted].some((name) => !subscription.names.has(name));
  if (first || added || (wildcard && !subscription.wildcard)) subscription.mustRespond = true;
  subscription.wildcard = wildcard;
  subscription.names = wanted;
  // To want less is no change of content: nothing is pushed for it.
  const { sent } = subscription;
  if (sent !== undefined) sent.resources = wantedOf(subscription, sent.resources);
}

/** Those of a snapshot's resources that are wanted. */
export function wantedOf(subscription: Subscription, all: ReadonlyMap<string, Any>): ReadonlyMap<string, Any> {
  if (subscription.wildcard) return all;
  const wanted = new Map<string, Any>();
  for (const name of subscription.names) {
    const any = all.get(name);
    if (any !== undefined) wanted.set(name, any);
  }
  return wanted;
}
