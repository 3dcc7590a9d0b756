/** Stage forward: the reason that an answer of another proxy carries. Only a proxy of the mesh is believed: an application that could write one could make its clients repeat requests. */
import { isTulleHttp } from '../alpn.js';
import type { Place } from '../exchange.js';
import { type HeadEdits, without } from '../message/edits.js';
import { fieldIds } from '../message/fields.js';
import { fromLatin1, type Head } from '../message/head.js';
import type { Endpoint } from '../upstream/endpoint.js';

const reasonFieldId = fieldIds['x-tulle-reason'];
const reasonName = fromLatin1('x-tulle-reason');

/** The other end is a proxy of the mesh: its certificate was checked to be of the trust domain, and it speaks as proxies do among themselves. */
export function isMeshProxy(endpoint: Endpoint | undefined, place: Place | undefined): boolean {
  return endpoint?.tls?.expected.trustDomain !== undefined && place !== undefined && isTulleHttp(place.alpn);
}

/** '' without. */
export function reasonOf(head: Head): string {
  const index = head.find(reasonFieldId);
  return index < 0 ? '' : head.value(index);
}

/** The edits of an answer, with its reason taken away unless it may be passed on. */
export function editsOfAnswer(head: Head, edits: HeadEdits, passesReason: boolean): HeadEdits {
  return passesReason || head.find(reasonFieldId) < 0 ? edits : without(edits, reasonName);
}
