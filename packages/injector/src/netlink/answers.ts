/** The kernel's word on one message: `errno` 0 is an acknowledgement. */
export interface Answer {
  readonly sequence: number;
  /** Positive, as in errno.h. */
  readonly errno: number;
  /** The kernel's own words (extended acknowledgement), often empty. */
  readonly detail: string;
}

/** What is known after some answers: go on receiving, all was done, or the first refusal. */
export type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'done' }
  | ({ readonly kind: 'refused' } & Answer);

const HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
/** NLM_F_CAPPED: the refused message is cut to its header. NLM_F_ACK_TLVS: attributes follow it. */
const CAPPED = 0x100;
const ATTRIBUTES_FOLLOW = 0x200;
/** NLMSGERR_ATTR_MSG */
const MESSAGE_ATTRIBUTE = 1;

/** Reads one datagram: any number of messages, of which only NLMSG_ERROR counts. Undefined if it is cut or malformed. */
export function decodeAnswers(datagram: Uint8Array): Answer[] | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const answers: Answer[] = [];
  let offset = 0;
  while (offset < datagram.length) {
    if (datagram.length - offset < HEADER_BYTES) return undefined;
    const length = view.getUint32(offset, true);
    if (length < HEADER_BYTES || length > datagram.length - offset) return undefined;
    if (view.getUint16(offset + 4, true) === NLMSG_ERROR) {
      // struct nlmsgerr: int error, then the header of the message it is about.
      if (length < HEADER_BYTES + 4 + HEADER_BYTES) return undefined;
      const flags = view.getUint16(offset + 6, true);
      const sequence = view.getUint32(offset + 8, true);
      const errno = 0 - view.getInt32(offset + HEADER_BYTES, true);
      const original = offset + HEADER_BYTES + 4;
      const originalLength = flags & CAPPED ? HEADER_BYTES : align(view.getUint32(original, true));
      const attributes =
        flags & ATTRIBUTES_FOLLOW ? datagram.subarray(original + originalLength, offset + length) : undefined;
      answers.push({ sequence, errno, detail: attributes ? kernelWords(attributes) : '' });
    }
    offset += align(length);
  }
  return answers;
}

/**
 * The state of a transaction of messages 1 to `last` (1 begins it; of the others only `last - 1` asked for an
 * acknowledgement). The kernel answers in the order of the messages, refusals included, and ends with that
 * acknowledgement, so the first refusal is the cause. What it refuses as a whole (no privilege, no nf_tables, a failed
 * commit) it answers to message 1 alone, and nothing follows.
 */
export function transactionOutcome(answers: readonly Answer[], last: number): Outcome {
  const refused = answers.find((answer) => answer.errno !== 0);
  const complete = answers.some(
    (answer) => answer.sequence === last - 1 || (answer.sequence === 1 && answer.errno !== 0),
  );
  if (!complete) return { kind: 'waiting' };
  return refused === undefined ? { kind: 'done' } : { kind: 'refused', ...refused };
}

function kernelWords(attributes: Uint8Array): string {
  const view = new DataView(attributes.buffer, attributes.byteOffset, attributes.byteLength);
  for (let offset = 0; offset + 4 <= attributes.length; ) {
    const length = view.getUint16(offset, true);
    if (length < 4) return '';
    if ((view.getUint16(offset + 2, true) & 0x3fff) === MESSAGE_ATTRIBUTE) {
      return Buffer.from(attributes.subarray(offset + 4, offset + length))
        .toString('latin1')
        .replace(/\0.*$/s, '');
    }
    offset += align(length);
  }
  return '';
}

function align(length: number): number {
  return (length + 3) & ~3;
}
