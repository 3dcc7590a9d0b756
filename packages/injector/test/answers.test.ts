import { constants } from 'node:os';
import t from 'tap';
import { kernelError } from '../src/errors.js';
import { decodeAnswers, transactionOutcome } from '../src/netlink/answers.js';
import { encodeAttribute, text } from '../src/netlink/encode.js';

const { EPERM, ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, ENOBUFS, EMSGSIZE, EAGAIN, EINVAL } = constants.errno;

t.test('an acknowledgement is errno 0', async (t) => {
  t.same(decodeAnswers(answer({ sequence: 7, errno: 0 })), [{ sequence: 7, errno: 0, detail: '' }]);
});

t.test('several answers in one datagram, other messages between', async (t) => {
  const other = answer({ sequence: 1, errno: 0 });
  other.writeUInt16LE(3, 4);
  const datagram = Buffer.concat([answer({ sequence: 3, errno: ENOENT }), other, answer({ sequence: 9, errno: 0 })]);
  t.match(decodeAnswers(datagram), [
    { sequence: 3, errno: ENOENT },
    { sequence: 9, errno: 0 },
  ]);
});

t.test("the kernel's own words are kept, behind a refused message that is cut and one that is not", async (t) => {
  const words = encodeAttribute(text(1, 'Chain of type "nat" is not supported'));
  const cut = answer({ sequence: 3, errno: EINVAL, flags: 0x300, tail: words });
  const whole = answer({ sequence: 3, errno: EINVAL, flags: 0x200, original: 24, tail: words });
  for (const datagram of [cut, whole]) {
    t.match(decodeAnswers(datagram), [{ errno: EINVAL, detail: 'Chain of type "nat" is not supported' }]);
  }
});

t.test('a datagram cut at any byte is unreadable or holds fewer answers, and never throws', async (t) => {
  const words = encodeAttribute(text(1, 'words'));
  const datagram = Buffer.concat([
    answer({ sequence: 1, errno: 0 }),
    answer({ sequence: 2, errno: 1, flags: 0x300, tail: words }),
  ]);
  for (let length = 0; length < datagram.length; length++) {
    const answers = decodeAnswers(datagram.subarray(0, length));
    t.ok(answers === undefined || answers.length === (length < 36 ? 0 : 1));
  }
});

t.test('a transaction waits for the one acknowledgement it asked for', async (t) => {
  t.same(transactionOutcome([], 8), { kind: 'waiting' });
  t.same(transactionOutcome([{ sequence: 7, errno: 0, detail: '' }], 8), { kind: 'done' });
});

t.test('the first refusal is the cause, and the acknowledgement behind it does not make it good', async (t) => {
  const refused = { sequence: 5, errno: ENOENT, detail: '' };
  t.same(transactionOutcome([refused], 8), { kind: 'waiting' });
  t.same(
    transactionOutcome([refused, { sequence: 6, errno: EINVAL, detail: '' }, { sequence: 7, errno: 0, detail: '' }], 8),
    { kind: 'refused', ...refused },
  );
});

t.test('a transaction refused as a whole gets no other answer', async (t) => {
  const refused = { sequence: 1, errno: EPERM, detail: '' };
  t.same(transactionOutcome([refused], 8), { kind: 'refused', ...refused });
});

t.test('each errno has a code and a remedy', async (t) => {
  const expected: [number, string, RegExp][] = [
    [EPERM, 'no-privilege', /CAP_NET_ADMIN in the network namespace/],
    [ENOENT, 'no-kernel-support', /nft_redir.*--format iptables/],
    [EOPNOTSUPP, 'no-kernel-support', /nf_tables/],
    [EPROTONOSUPPORT, 'no-kernel-support', /nf_tables/],
    [ENOBUFS, 'kernel-busy', /memory/],
    [EMSGSIZE, 'kernel-refused', /wmem_default/],
    [EAGAIN, 'kernel-silent', /did not answer in time/],
    [EINVAL, 'kernel-refused', /--format nft/],
  ];
  for (const [errno, code, message] of expected) t.match(kernelError(errno, 'add table'), { code, errno, message });
  t.match(kernelError(EINVAL, 'add rule', 'bad').message, /^add rule: EINVAL \(bad\); /);
});

/** An NLMSG_ERROR as the kernel writes it; `original` is the length of the message that it repeats. */
function answer(of: { sequence: number; errno: number; flags?: number; original?: number; tail?: Uint8Array }): Buffer {
  const { sequence, errno, flags = 0x100, original = 16, tail = Buffer.alloc(0) } = of;
  const buffer = Buffer.concat([Buffer.alloc(20 + original), tail]);
  buffer.writeUInt32LE(buffer.length, 0);
  buffer.writeUInt16LE(2, 4);
  buffer.writeUInt16LE(flags, 6);
  buffer.writeUInt32LE(sequence, 8);
  buffer.writeInt32LE(-errno, 16);
  // A cut message still has its own length in its header.
  buffer.writeUInt32LE(flags & 0x100 ? 88 : original, 20);
  const padded = Buffer.alloc((buffer.length + 3) & ~3);
  buffer.copy(padded);
  return padded;
}
