/** Access log lines: JSON for machines, text for people, with the fields that operators know from Envoy. One line an exchange, tunnel or rejected connection. */
import { formatAddress, type SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
import { fieldIds } from '../message/fields.js';
import type { Head } from '../message/head.js';
import { type LineWriter, phrase } from './line-writer.js';
import type { ExchangeRecord, RejectionRecord, TunnelRecord } from './record.js';

/** Writes one line, `\n` included. `wallMs`: milliseconds since 1970 when it started, with a fraction. */
export interface LineFormat {
  exchange(out: LineWriter, direction: Direction, record: ExchangeRecord, wallMs: number, durationMs: number): void;
  tunnel(out: LineWriter, direction: Direction, record: TunnelRecord, wallMs: number, durationMs: number): void;
  rejected(out: LineWriter, direction: Direction, record: RejectionRecord, wallMs: number): void;
}

interface CommonFields {
  readonly reason: string;
  readonly upstreamMs: number;
  readonly upstreamAddress: SocketAddress | undefined;
  readonly peerUri: string;
  readonly upstreamUri: string;
  readonly route: string;
  readonly clusterName: string;
  readonly policy: string;
  readonly attempts: number;
}

export const jsonLines: LineFormat = {
  exchange(out, direction, record, wallMs, durationMs) {
    const { head, downstream } = record;
    begin(out, direction, downstream.protocol, wallMs);
    out.raw(head.method).phrase(authorityKey).json(head.bytes, head.authorityStart, head.authorityEnd);
    out.phrase(pathKey).json(head.path, head.pathStart, head.pathEnd).json(head.bytes, head.queryStart, head.queryEnd);
    out.phrase(statusKey).number(record.status);
    amounts(out, record.reason, downstream.bodyBytesReceived, downstream.bodyBytesSent, durationMs, record.upstreamMs);
    parties(out, downstream.remote, downstream.isTls || record.upstreamUri !== '', record);
    userAgent(out.phrase(userAgentKey), head);
    requestId(out.phrase(requestIdKey), head);
    end(out, record);
  },
  tunnel(out, direction, record, wallMs, durationMs) {
    begin(out, direction, 'tcp', wallMs);
    out.phrase(authorityKey).raw(formatAddress(record.destination)).raw('","path":"","status":0');
    amounts(out, record.reason, record.bytesReceived, record.bytesSent, durationMs, record.upstreamMs);
    parties(out, record.downstream.remote, record.downstream.isTls || record.upstreamUri !== '', record);
    out.phrase(userAgentKey).phrase(requestIdKey);
    end(out, record);
  },
  rejected(out, direction, record, wallMs) {
    begin(out, direction, protocolOf(record), wallMs);
    out.raw(record.method).phrase(authorityKey).raw(formatAddress(record.destination));
    out.phrase(pathKey).jsonOnce(record.target).phrase(statusKey).number(record.status);
    amounts(out, record.reason, 0, 0, 0, -1);
    parties(out, record.remote, record.isTls, nothingChosen);
    out.phrase(userAgentKey).phrase(requestIdKey);
    end(out, { ...nothingChosen, detail: record.detail });
  },
};

/**
 * Envoy's default format, and behind it what it has no place for:
 *
 *     [start] direction "METHOD path protocol" status reason bytes-received bytes-sent duration upstream-duration "authority" "user agent" "request id"
 *     downstream upstream "peer" "route" "cluster" "policy" attempts "detail"
 *
 * Durations are in microseconds; `-` is what there is not. Within quotes, quotes and backslashes and what is not printable are escaped as in JSON.
 */
export const textLines: LineFormat = {
  exchange(out, direction, record, wallMs, durationMs) {
    const { head, downstream } = record;
    textBegin(out, direction, wallMs).raw(head.method).raw(' ');
    out.json(head.path, head.pathStart, head.pathEnd).json(head.bytes, head.queryStart, head.queryEnd);
    out.raw(' ').raw(downstream.protocol).raw('" ').number(record.status);
    const { bodyBytesReceived, bodyBytesSent } = downstream;
    textAmounts(out, record.reason, bodyBytesReceived, bodyBytesSent, durationMs, record.upstreamMs);
    out.raw(' "').json(head.bytes, head.authorityStart, head.authorityEnd).raw('" "');
    requestId(userAgent(out, head).raw('" "'), head).raw('" ');
    textParties(out, downstream.remote, record, record.detail);
  },
  tunnel(out, direction, record, wallMs, durationMs) {
    textBegin(out, direction, wallMs).raw('- - tcp" -');
    textAmounts(out, record.reason, record.bytesReceived, record.bytesSent, durationMs, record.upstreamMs);
    out.raw(' "').address(record.destination).raw('" "" "" ');
    textParties(out, record.downstream.remote, record, record.detail);
  },
  rejected(out, direction, record, wallMs) {
    textBegin(out, direction, wallMs)
      .raw(record.method === '' ? '-' : record.method)
      .raw(' ');
    out
      .jsonOnce(record.target === '' ? '-' : record.target)
      .raw(' ')
      .raw(protocolOf(record))
      .raw('" ');
    if (record.status === 0) out.raw('-');
    else out.number(record.status);
    textAmounts(out, record.reason, 0, 0, 0, -1);
    out.raw(' "').address(record.destination).raw('" "" "" ');
    textParties(out, record.remote, nothingChosen, record.detail);
  },
};

const nothingChosen: CommonFields = {
  reason: '',
  upstreamMs: -1,
  upstreamAddress: undefined,
  peerUri: '',
  upstreamUri: '',
  route: '',
  clusterName: '',
  policy: '',
  attempts: 0,
};

const startKey = phrase('{"start":"');
/** What follows the time: direction and protocol, up to the method. */
const beginnings: Record<Direction, Map<string, Uint8Array>> = { outbound: new Map(), inbound: new Map() };
for (const direction of ['outbound', 'inbound'] as const) {
  for (const protocol of ['http/1.1', 'http/1.0', 'tls', 'tcp']) {
    beginnings[direction].set(protocol, phrase(`","direction":"${direction}","protocol":"${protocol}","method":"`));
  }
}
const authorityKey = phrase('","authority":"');
const pathKey = phrase('","path":"');
const statusKey = phrase('","status":');
const reasonKey = phrase(',"reason":"');
const receivedKey = phrase('","bytes_received":');
const sentKey = phrase(',"bytes_sent":');
const durationKey = phrase(',"duration_us":');
const upstreamDurationKey = phrase(',"upstream_duration_us":');
const downstreamKey = phrase(',"downstream":"');
const upstreamKey = phrase('","upstream":"');
const peerKey = phrase('","peer":"');
const withTlsAndRouteKey = phrase('","tls":true,"route":"');
const withoutTlsAndRouteKey = phrase('","tls":false,"route":"');
const clusterKey = phrase('","cluster":"');
const policyKey = phrase('","policy":"');
const attemptsKey = phrase('","attempts":');
const userAgentKey = phrase(',"user_agent":"');
const requestIdField = fieldIds['x-request-id'];
const requestIdKey = phrase('","request_id":"');
const downstreamPeerKey = phrase('","downstream_peer":"');
const lineEnd = phrase('"}\n');

function begin(out: LineWriter, direction: Direction, protocol: string, wallMs: number): void {
  const beginning = beginnings[direction].get(protocol);
  if (beginning === undefined) throw new Error(`bug: the access log has no word for the protocol ${protocol}`);
  out.phrase(startKey).timestamp(wallMs).phrase(beginning);
}

function amounts(
  out: LineWriter,
  reason: string,
  received: number,
  sent: number,
  durationMs: number,
  upstreamMs: number,
): void {
  out.phrase(reasonKey).raw(reason).phrase(receivedKey).number(received).phrase(sentKey).number(sent);
  out.phrase(durationKey).number(microseconds(durationMs)).phrase(upstreamDurationKey);
  if (upstreamMs < 0) out.raw('null');
  else out.number(microseconds(upstreamMs));
}

function parties(out: LineWriter, remote: SocketAddress, tls: boolean, record: CommonFields): void {
  out.phrase(downstreamKey).address(remote).phrase(upstreamKey);
  if (record.upstreamAddress !== undefined) out.address(record.upstreamAddress);
  const peer = record.upstreamUri !== '' ? record.upstreamUri : record.peerUri;
  const { route, clusterName, policy, attempts } = record;
  let last = choices.get(route);
  if (
    last === undefined ||
    last.peer !== peer ||
    last.tls !== tls ||
    last.clusterName !== clusterName ||
    last.policy !== policy ||
    last.attempts !== attempts
  ) {
    const start = out.at;
    out.phrase(peerKey).jsonText(peer);
    out
      .phrase(tls ? withTlsAndRouteKey : withoutTlsAndRouteKey)
      .jsonText(route)
      .phrase(clusterKey)
      .jsonText(clusterName);
    out.phrase(policyKey).jsonText(policy).phrase(attemptsKey).number(attempts);
    if (choices.size >= maxChoices) choices.clear();
    last = { peer, tls, clusterName, policy, attempts, bytes: out.since(start) };
    choices.set(route, last);
  } else {
    out.phrase(last.bytes);
  }
}

/** What was chosen for the last exchange of a route: the next one's part of the line is the same as a rule. */
interface Choices {
  readonly peer: string;
  readonly tls: boolean;
  readonly clusterName: string;
  readonly policy: string;
  readonly attempts: number;
  readonly bytes: Uint8Array;
}

/** Routes that are remembered. At the edge: all are forgotten. */
const maxChoices = 1_024;
const choices = new Map<string, Choices>();

/** `peer` is the server where it has an identity; a client that has one too is named beside it. */
function end(
  out: LineWriter,
  record: Pick<CommonFields, 'peerUri' | 'upstreamUri'> & { readonly detail: string },
): void {
  const { peerUri, upstreamUri, detail } = record;
  if (peerUri !== '' && upstreamUri !== '') out.phrase(downstreamPeerKey).jsonText(peerUri);
  if (detail !== '') out.raw('","detail":"').jsonOnce(detail);
  out.phrase(lineEnd);
}

function requestId(out: LineWriter, head: Head): LineWriter {
  const id = head.find(requestIdField);
  return id < 0 ? out : out.json(head.bytes, head.offsets[4 * id + 2], head.offsets[4 * id + 3]);
}

function userAgent(out: LineWriter, head: Head): LineWriter {
  const index = head.find(fieldIds['user-agent']);
  return index < 0 ? out : out.json(head.bytes, head.offsets[4 * index + 2], head.offsets[4 * index + 3]);
}

function protocolOf({ isHttp, isTls }: RejectionRecord): string {
  return isHttp ? 'http/1.1' : isTls ? 'tls' : 'tcp';
}

function textBegin(out: LineWriter, direction: Direction, wallMs: number): LineWriter {
  return out.raw('[').timestamp(wallMs).raw('] ').raw(direction).raw(' "');
}

function textAmounts(
  out: LineWriter,
  reason: string,
  received: number,
  sent: number,
  durationMs: number,
  upstreamMs: number,
): void {
  out
    .raw(' ')
    .raw(reason === '' ? '-' : reason)
    .raw(' ')
    .number(received)
    .raw(' ')
    .number(sent);
  out.raw(' ').number(microseconds(durationMs)).raw(' ');
  if (upstreamMs < 0) out.raw('-');
  else out.number(microseconds(upstreamMs));
}

function textParties(out: LineWriter, remote: SocketAddress, record: CommonFields, detail: string): void {
  out.address(remote).raw(' ');
  if (record.upstreamAddress === undefined) out.raw('-');
  else out.address(record.upstreamAddress);
  out
    .raw(' "')
    .jsonText(record.upstreamUri !== '' ? record.upstreamUri : record.peerUri)
    .raw('" "');
  out.jsonText(record.route).raw('" "').jsonText(record.clusterName).raw('" "').jsonText(record.policy);
  out.raw('" ').number(record.attempts).raw(' "').jsonOnce(detail).raw('"\n');
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}
