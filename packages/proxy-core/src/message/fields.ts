/** Header fields that the proxy reads, removes or writes itself, by number, so that stages compare numbers and not names. */
export const fieldIds = {
  host: 1,
  'content-length': 2,
  'transfer-encoding': 3,
  connection: 4,
  'keep-alive': 5,
  'proxy-connection': 6,
  te: 7,
  trailer: 8,
  upgrade: 9,
  expect: 10,
  'x-request-id': 11,
  'x-forwarded-for': 12,
  'x-forwarded-proto': 13,
  'x-forwarded-client-cert': 14,
  'x-tulle-reason': 15,
  'x-tulle-attempts': 16,
  'proxy-authenticate': 17,
  'proxy-authorization': 18,
  'user-agent': 19,
} as const;

/** 0: a name without a number of its own. */
export type FieldId = (typeof fieldIds)[keyof typeof fieldIds] | 0;

/**
 * Fields that belong to one connection or say how a message is framed, and `host`, by which it was routed: the codec writes them, from what it has read once. An edit of one
 * would make two readings of a message.
 */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a field, its name in lower case, is the codec's alone. `_` is read as `-` by servers that hand fields on as environment variables. */
export function isConnectionField(lowerName: string): boolean {
  return connectionFields.has(lowerName.replaceAll('_', '-'));
}
