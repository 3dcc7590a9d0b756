/** Access log lines: JSON for machines, text for people, with the fields that operators know from Envoy. One line an exchange, tunnel or rejected connection. */
import { formatAddress, type SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
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
    out
      .phrase(methodKey)
      .raw(head.method)
      .phrase(authorityKey)
      .json(head.bytes, head.authorityStart, head.authorityEnd);
    out.phrase(pathKey).json(head.path, head.pathStart, head.pathEnd).json(head.bytes, head.queryStart, head.queryEnd);
    out.phrase(statusKey).number(record.status);
    amounts(out, record.reason, downstream.bodyBytesReceived, downstream.bodyBytesSent, durationMs, record.upstreamMs);
    parties(out, downstream.remote, downstream.isTls || record.upstreamUri !== '', record);
    out.phrase(requestIdKey).json(record.requestId, 0, record.requestId.length);
    end(out, record.detail);
  },
  tunnel(out, direction, record, wallMs, durationMs) {
    begin(out, direction, 'tcp', wallMs);
    out.raw('","method":"","authority":"').raw(formatAddress(record.destination)).raw('","path":"","status":0');
    amounts(out, record.reason, record.bytesReceived, record.bytesSent, durationMs, record.upstreamMs);
    parties(out, record.downstream.remote, record.downstream.isTls || record.upstreamUri !== '', record);
    out.phrase(requestIdKey);
    end(out, record.detail);
  },
  rejected(out, direction, record, wallMs) {
    begin(out, direction, record.isHttp ? 'http/1.1' : record.isTls ? 'tls' : 'tcp', wallMs);
    out
      .raw('","method":"","authority":"')
      .raw(formatAddress(record.destination))
      .raw('","path":"","status":')
      .number(record.status);
    amounts(out, record.reason, 0, 0, 0, -1);
    parties(out, record.remote, record.isTls, nothingChosen);
    out.phrase(requestIdKey);
    end(out, record.detail);
  },
};

export const textLines: LineFormat = {
  exchange(out, direction, record, wallMs, durationMs) {
    const { head, downstream } = record;
    out.raw('[').timestamp(wallMs).raw('] ').raw(direction).raw(' "').raw(head.method).raw(' ');
    out
      .json(head.path, head.pathStart, head.pathEnd)
      .json(head.bytes, head.queryStart, head.queryEnd)
      .raw(' ')
      .raw(downstream.protocol);
    out
      .raw('" ')
      .number(record.status)
      .raw(' ')
      .raw(record.reason === '' ? '-' : record.reason)
      .raw(' ');
    out
      .number(downstream.bodyBytesReceived)
      .raw(' ')
      .number(downstream.bodyBytesSent)
      .raw(' ')
      .number(microseconds(durationMs));
    out.raw('us "').json(head.bytes, head.authorityStart, head.authorityEnd).raw('" ');
    textParties(out, downstream.remote, record);
  },
  tunnel(out, direction, record, wallMs, durationMs) {
    out
      .raw('[')
      .timestamp(wallMs)
      .raw('] ')
      .raw(direction)
      .raw(' "TCP ')
      .raw(formatAddress(record.destination))
      .raw('" - ');
    out
      .raw(record.reason === '' ? '-' : record.reason)
      .raw(' ')
      .number(record.bytesReceived)
      .raw(' ')
      .number(record.bytesSent)
      .raw(' ');
    out.number(microseconds(durationMs)).raw('us "" ');
    textParties(out, record.downstream.remote, record);
  },
  rejected(out, direction, record, wallMs) {
    out
      .raw('[')
      .timestamp(wallMs)
      .raw('] ')
      .raw(direction)
      .raw(' "- ')
      .raw(formatAddress(record.destination))
      .raw('" ');
    out
      .number(record.status)
      .raw(' ')
      .raw(record.reason)
      .raw(' 0 0 0us "" ')
      .raw(formatAddress(record.remote))
      .raw(' "')
      .jsonOnce(record.detail)
      .raw('"\n');
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
const directionKey = phrase('","direction":"');
const protocolKey = phrase('","protocol":"');
const methodKey = phrase('","method":"');
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
const requestIdKey = phrase(',"request_id":"');
const lineEnd = phrase('"}\n');

function begin(out: LineWriter, direction: Direction, protocol: string, wallMs: number): void {
  out.phrase(startKey).timestamp(wallMs).phrase(directionKey).raw(direction).phrase(protocolKey).raw(protocol);
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
  address(out.phrase(downstreamKey), remote).phrase(upstreamKey);
  if (record.upstreamAddress !== undefined) address(out, record.upstreamAddress);
  out.phrase(peerKey).jsonText(record.upstreamUri !== '' ? record.upstreamUri : record.peerUri);
  out
    .phrase(tls ? withTlsAndRouteKey : withoutTlsAndRouteKey)
    .jsonText(record.route)
    .phrase(clusterKey)
    .jsonText(record.clusterName);
  out.phrase(policyKey).jsonText(record.policy).phrase(attemptsKey).number(record.attempts);
}

/** As `formatAddress`, without a string. */
function address(out: LineWriter, { host, port }: SocketAddress): LineWriter {
  if (host.includes(':')) out.raw('[').raw(host).raw(']:');
  else out.raw(host).raw(':');
  return out.number(port);
}

function end(out: LineWriter, detail: string): void {
  if (detail !== '') out.raw('","detail":"').jsonOnce(detail);
  out.phrase(lineEnd);
}

function textParties(out: LineWriter, remote: SocketAddress, record: CommonFields): void {
  out
    .raw(formatAddress(remote))
    .raw(' ')
    .raw(record.upstreamAddress === undefined ? '-' : formatAddress(record.upstreamAddress))
    .raw(' ');
  out
    .jsonText(record.upstreamUri !== '' ? record.upstreamUri : record.peerUri === '' ? '-' : record.peerUri)
    .raw(' ')
    .jsonText(record.route === '' ? '-' : record.route)
    .raw('\n');
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}
