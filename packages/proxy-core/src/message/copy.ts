import { Head } from './head.js';

/** The same head in bytes of its own. */
export function copyOf(head: Head): Head {
  const copy = new Head(Math.max(head.fieldCount, 1));
  copy.bytes = head.bytes;
  copy.start = head.start;
  copy.end = head.end;
  copy.fieldCount = head.fieldCount;
  copy.offsets.set(head.offsets.subarray(0, 4 * head.fieldCount));
  copy.ids.set(head.ids.subarray(0, head.fieldCount));
  copy.moveTo(new Uint8Array(head.end - head.start));
  return copy;
}
