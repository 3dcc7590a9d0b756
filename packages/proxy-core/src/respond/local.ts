/** Stage respond: every answer that the proxy makes itself comes from here. */
import type { Downstream } from '../exchange.js';
import { type Failure, type Reason, reasons } from '../failure.js';
import { fromLatin1 } from '../message/head.js';

const contentType = fromLatin1('content-type: text/plain; charset=utf-8\r\n');
/** Envoy's and nginx' habit: a proxy's own answer is not to be cached. */
const noStore = fromLatin1('cache-control: no-store\r\n');

interface Prepared {
  readonly fields: readonly Uint8Array[];
  readonly body: Uint8Array;
}

const prepared: ReadonlyMap<Reason, Prepared> = new Map(
  Object.entries(reasons).map(([reason, { hint }]) => [
    reason as Reason,
    {
      fields: [contentType, noStore, fromLatin1(`x-tulle-reason: ${reason}\r\n`)],
      body: fromLatin1(`${hint} (${reason})\n`),
    },
  ]),
);

/** Answers a failure with its status, its reason and one sentence; nothing about hosts, identities or policies leaves the proxy this way. */
export function respondFailure(downstream: Downstream, failed: Failure, wallMs: number, close: boolean): void {
  const row = reasons[failed.reason];
  const answer = prepared.get(failed.reason);
  if (row.status === 0 || answer === undefined) {
    downstream.abort();
    return;
  }
  // RFC 9110 section 6.6.1: an answer made here carries the time at which it was made.
  const date = fromLatin1(`date: ${new Date(wallMs).toUTCString()}\r\n`);
  downstream.sendLocal(row.status, [...answer.fields, date], answer.body, close);
}

const noBody = new Uint8Array(0);

/** Fields of a redirect to `location` (RFC 9110 section 10.2.2). */
export function redirectFields(location: string): {
  readonly fields: readonly Uint8Array[];
  readonly body: Uint8Array;
} {
  return { fields: [fromLatin1(`location: ${location}\r\n`)], body: noBody };
}

/** Body and fields of a direct response. */
export function directFields(body: string): { readonly fields: readonly Uint8Array[]; readonly body: Uint8Array } {
  return { fields: body === '' ? [] : [contentType], body: new TextEncoder().encode(body) };
}
