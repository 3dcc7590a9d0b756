import { constants, endianness } from 'node:os';
import { InterceptionError, kernelError } from '../errors.js';
import { KERNEL_ANSWER_TIMEOUT_MS, RECEIVE_BUFFER_BYTES } from '../limits.js';
import { type Answer, decodeAnswers, transactionOutcome } from '../netlink/answers.js';
import { encodeMessages, type NetfilterMessage } from '../netlink/encode.js';
import { type Libc, libc } from './libc.js';

// sys/socket.h and linux/netlink.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
const ADDRESS_BYTES = 12;
const { EINTR, EBADMSG, ENOPROTOOPT } = constants.errno;

/**
 * Sends a transaction (see `replaceTable`) to the kernel of the current network namespace and waits for its verdict.
 * Blocks the thread, for at most the time the kernel takes plus KERNEL_ANSWER_TIMEOUT_MS. Throws InterceptionError.
 */
export function commit(messages: readonly NetfilterMessage[]): void {
  if (endianness() !== 'LE') {
    throw new InterceptionError(
      'unsupported-host',
      'this host is big-endian',
      'use `tulle interception render` with nft',
    );
  }
  const { bytes, about } = encodeMessages(messages);
  const c = libc();
  const fd = c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) throw kernelError(c.errno(), 'opening a netfilter socket');
  try {
    prepare(c, fd);
    if (retried(c, () => c.send(fd, bytes, bytes.length, 0)) < 0) throw kernelError(c.errno(), 'sending the rules');
    awaitVerdict(c, fd, about);
  } finally {
    // The only failure with a consequence, EINTR, still closes on Linux (close(2)): closing twice would be the mistake.
    c.close(fd);
  }
}

function prepare(c: Libc, fd: number): void {
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_NETLINK);
  if (c.bind(fd, address, address.length) < 0) throw kernelError(c.errno(), 'binding the netfilter socket');
  // struct timeval of a 64-bit host: seconds, microseconds.
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(Math.trunc(KERNEL_ANSWER_TIMEOUT_MS / 1000)), 0);
  timeout.writeBigInt64LE(BigInt((KERNEL_ANSWER_TIMEOUT_MS % 1000) * 1000), 8);
  if (c.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length) < 0) {
    throw kernelError(c.errno(), 'setting SO_RCVTIMEO');
  }
  const on = Buffer.from([1, 0, 0, 0]);
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
    // A kernel before 4.12 has not got them: then refusals come with a copy of the message and without words, still readable.
    if (c.setsockopt(fd, SOL_NETLINK, option, on, on.length) < 0 && c.errno() !== ENOPROTOOPT) {
      throw kernelError(c.errno(), `setting netlink option ${option}`);
    }
  }
}

function awaitVerdict(c: Libc, fd: number, about: readonly string[]): void {
  const buffer = Buffer.alloc(RECEIVE_BUFFER_BYTES);
  const answers: Answer[] = [];
  for (;;) {
    const datagram = receiveFromKernel(c, fd, buffer);
    const decoded = datagram && decodeAnswers(datagram);
    if (decoded === undefined) throw kernelError(EBADMSG, "reading the kernel's answer");
    answers.push(...decoded);
    const outcome = transactionOutcome(answers, about.length);
    if (outcome.kind === 'done') return;
    if (outcome.kind === 'refused') {
      throw kernelError(outcome.errno, about[outcome.sequence - 1] ?? 'the transaction', outcome.detail);
    }
  }
}

/** The next datagram whose sender is the kernel (port id 0); undefined if it did not fit. */
function receiveFromKernel(c: Libc, fd: number, buffer: Uint8Array): Uint8Array | undefined {
  const sender = Buffer.alloc(ADDRESS_BYTES);
  const senderLength = Buffer.alloc(4);
  for (;;) {
    senderLength.writeUInt32LE(ADDRESS_BYTES);
    const length = retried(c, () => c.recvfrom(fd, buffer, buffer.length, MSG_TRUNC, sender, senderLength));
    if (length < 0) throw kernelError(c.errno(), "receiving the kernel's answer");
    if (sender.readUInt32LE(4) !== 0) continue;
    return length > buffer.length ? undefined : buffer.subarray(0, length);
  }
}

/** Repeats a call that a signal interrupted. */
function retried(c: Libc, call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0 || c.errno() !== EINTR) return result;
  }
}
