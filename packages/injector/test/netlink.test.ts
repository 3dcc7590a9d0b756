import fc from 'fast-check';
import t from 'tap';
import { interceptionTable } from '../src/model/interception.js';
import { removeTable, replaceTable } from '../src/netlink/batch.js';
import { type Attribute, encodeAttribute, encodeMessages } from '../src/netlink/encode.js';
import { interceptionRules } from '../src/rules/parse.js';
import { rulesJson } from './arbitrary.js';
import { type Attributes, decodeAttributes, decodeMessages, decodeTable } from './decode-table.js';

t.test('any attribute tree comes back from its bytes', async () => {
  const type = fc.integer({ min: 1, max: 0x3fff });
  const { tree } = fc.letrec<{ tree: Attribute }>((tie) => ({
    tree: fc.record({
      type,
      value: fc.oneof({ maxDepth: 4 }, fc.uint8Array({ maxLength: 9 }), fc.array(tie('tree'), { maxLength: 3 })),
    }),
  }));
  fc.assert(
    fc.property(tree, (attribute) => {
      const bytes = encodeAttribute(attribute);
      return bytes.length % 4 === 0 && same([attribute], decodeAttributes(Buffer.from(bytes)));
    }),
  );
});

t.test('the table comes back from the messages that build it', async (t) => {
  fc.assert(
    fc.property(rulesJson, (json) => {
      const table = interceptionTable(interceptionRules(json));
      t.same(decodeTable(decodeMessages(encodeMessages(replaceTable(table)).bytes)), table);
    }),
  );
});

t.test('a replacement is one transaction: add, delete, add, chains, rules', async (t) => {
  const table = interceptionTable(interceptionRules({ proxy: { uid: 1337 } }));
  const messages = decodeMessages(encodeMessages(replaceTable(table)).bytes);
  const rules = table.chains.flatMap((chain) => chain.rules.map(() => 0xa06));
  t.same(
    messages.map(({ type }) => type),
    [0x10, 0xa00, 0xa02, 0xa00, 0xa03, 0xa03, ...rules, 0x11],
  );
  t.same(
    messages.map(({ sequence }) => sequence),
    messages.map((_, i) => i + 1),
  );
  t.equal(messages[0].resourceId, 10, 'the transaction is one of nf_tables');
  t.equal(messages[messages.length - 1].resourceId, 10);
  t.ok(messages.slice(1, -1).every(({ family }) => family === 1));
  const acknowledged = messages.filter(({ flags }) => flags & 4);
  t.same(acknowledged, [messages[messages.length - 2]], 'only the last message asks for an acknowledgement');
});

t.test('a removal adds the table first, so that there is one to delete', async (t) => {
  const messages = decodeMessages(encodeMessages(removeTable()).bytes);
  t.same(
    messages.map(({ type, flags }) => [type, flags]),
    [
      [0x10, 1],
      [0xa00, 0x401],
      [0xa02, 5],
      [0x11, 1],
    ],
  );
});

t.test('the largest rules fit one netlink datagram', async (t) => {
  const list = (start: number) => Array.from({ length: 64 }, (_, i) => start + i);
  const rules = interceptionRules({
    proxy: { uid: 1337, mark: 1337 },
    exclude: {
      inboundPorts: list(1000),
      outboundPorts: list(2000),
      outboundCidrs: list(0).map((i) => `2001:db8:${(i + 1).toString(16)}::/49`),
      uids: list(1),
    },
  });
  const { bytes } = encodeMessages(replaceTable(interceptionTable(rules)));
  t.ok(bytes.length < 100_000, `${bytes.length} bytes`);
});

function same(written: readonly Attribute[], read: Attributes): boolean {
  return (
    written.length === read.length &&
    written.every(({ type, value }, i) => {
      if (read[i].type !== type || read[i].nested !== Array.isArray(value)) return false;
      if (value instanceof Uint8Array) return Buffer.compare(value, read[i].value) === 0;
      return same(value, decodeAttributes(read[i].value));
    })
  );
}
