/** Bytes in and out of a plain TCP socket: one system call each, again after EINTR. The results are those of a TlsSession. */
import { errno } from './errno.js';
import * as libc from './libc.js';
import { lastErrno } from './library.js';
import { scratch } from './memory.js';
import { ended, failed, wouldBlock } from './outcome.js';

let failure = 0;

/** The errno behind the last `failed` of this thread. */
export function streamErrno(): number {
  return failure;
}

/** Reads up to `size` bytes: their number, or `wouldBlock`, `ended` (FIN) or `failed`. */
export function receive(fd: number, address: number, size: number): number {
  return receiveWith(fd, address, size, 0);
}

/** `receive` that leaves the bytes where they are. */
export function peek(fd: number, address: number, size: number): number {
  return receiveWith(fd, address, size, libc.MSG_PEEK);
}

function receiveWith(fd: number, address: number, size: number, flags: number): number {
  for (;;) {
    const count = libc.recv(fd, address, size, flags);
    if (count > 0) return count;
    if (count === 0) return ended;
    const number = lastErrno();
    if (number === errno.EAGAIN) return wouldBlock;
    if (number === errno.EINTR) continue;
    failure = number;
    return failed;
  }
}

/** Sends: the bytes that the kernel took, perhaps fewer than `size`, or `wouldBlock` or `failed`. `more`: others follow at once. */
export function transmit(fd: number, address: number, size: number, more: boolean): number {
  const flags = more ? libc.MSG_NOSIGNAL | libc.MSG_MORE : libc.MSG_NOSIGNAL;
  for (;;) {
    const count = libc.send(fd, address, size, flags);
    if (count >= 0) return count;
    const outcome = explain();
    if (outcome !== retry) return outcome;
  }
}

/** Pieces of one `gather`. */
export const maxPieces = 16;
/** struct iovec: address, length. */
const pieces = scratch(maxPieces * 16);
/** struct msghdr: name, its length, iovec at 16, number of pieces at 24, control, its length, flags. */
const message = scratch(56);
storeNumber(message.view, 16, pieces.address);
let count = 0;

/** Adds a piece to what `transmitPieces` sends; at most `maxPieces`. */
export function addPiece(address: number, size: number): void {
  storeNumber(pieces.view, count * 16, address);
  storeNumber(pieces.view, count * 16 + 8, size);
  count++;
}

/** Sends the pieces added, in one call; results as of `transmit`. */
export function transmitPieces(fd: number, more: boolean): number {
  storeNumber(message.view, 24, count);
  count = 0;
  const flags = more ? libc.MSG_NOSIGNAL | libc.MSG_MORE : libc.MSG_NOSIGNAL;
  for (;;) {
    const sent = libc.sendmsg(fd, message.address, flags);
    if (sent >= 0) return sent;
    const outcome = explain();
    if (outcome !== retry) return outcome;
  }
}

const retry = -100;

function explain(): number {
  const number = lastErrno();
  if (number === errno.EAGAIN) return wouldBlock;
  if (number === errno.EINTR) return retry;
  failure = number;
  return failed;
}

/** A pointer or size_t below 2^53, little-endian, without a BigInt. */
function storeNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
