/** Stage respond: every answer that the proxy makes itself comes from here. */
import type { Downstream } from '../exchange.js';
import { type Failure, type Reason, reasons } from '../failure.js';
import { type HeadEdits, noEdits } from '../message/edits.js';
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

const locationName = fromLatin1('location');
const contentTypeName = fromLatin1('content-type');

/** Fields of a redirect to `location` (RFC 9110 section 10.2.2), with what its route changes in them. */
export function redirectFields(location: string, edits: HeadEdits): readonly Uint8Array[] {
  return edited(locationName, fromLatin1(`location: ${location}\r\n`), edits);
}

/** Fields of a direct response, with what its route changes in them. */
export function directFields(body: Uint8Array, edits: HeadEdits): readonly Uint8Array[] {
  return body.length === 0 ? edits.append : edited(contentTypeName, contentType, edits);
}

function edited(name: Uint8Array, line: Uint8Array, edits: HeadEdits): readonly Uint8Array[] {
  if (edits === noEdits) return [line];
  const isRemoved = edits.remove.some(
    (each) => each.length === name.length && each.every((byte, i) => byte === name[i]),
  );
  return isRemoved ? edits.append : [line, ...edits.append];
}
