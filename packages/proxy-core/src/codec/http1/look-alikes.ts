/**
 * Field names that differ only in `_` and `-`. Servers that hand fields to an application as environment variables (CGI, WSGI, PHP) cannot tell them apart,
 * so `X_Forwarded_For` would slip past whoever checks `X-Forwarded-For`.
 */
import { type FieldId, fieldIds } from '../../message/fields.js';
import type { Head } from '../../message/head.js';
import { fieldName, looksLike } from './field-names.js';

/** The proxy acts on all of these but one, which it only logs. */
const special = (Object.values(fieldIds) as FieldId[]).filter((id) => id !== fieldIds['user-agent']);

/** True when a name with `_` in it reads as a name that the proxy acts on, or as another field of the same head. Called only when some name holds a `_`. */
export function hasLookAlike(head: Head): boolean {
  const { bytes, offsets, ids, fieldCount } = head;
  for (let i = 0; i < fieldCount; i++) {
    const start = offsets[4 * i];
    const end = offsets[4 * i + 1];
    if (!holdsUnderscore(bytes, start, end)) continue;
    if (ids[i] === 0 && special.some((id) => looksLike(bytes, start, end, fieldName(id)))) return true;
    for (let other = 0; other < fieldCount; other++) {
      const otherStart = offsets[4 * other];
      const otherEnd = offsets[4 * other + 1];
      if (otherEnd - otherStart !== end - start || other === i) continue;
      const name = bytes.subarray(otherStart, otherEnd);
      if (looksLike(bytes, start, end, name) && !sameUnderscores(bytes, start, name)) return true;
    }
  }
  return false;
}

function holdsUnderscore(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 95) return true;
  return false;
}

/** Repeated fields of one name are a list, not look-alikes. */
function sameUnderscores(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if ((name[i] === 95) !== (bytes[start + i] === 95)) return false;
  return true;
}
