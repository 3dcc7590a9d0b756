/** Access log lines: JSON for machines, text for people, with the fields that operators know from Envoy. One line an exchange, tunnel or rejected connection. */
import { formatAddress, type SocketAddress } from '../address.js';
import type { Direction } from '../config/config.js';
import type { LineWriter } from './line-writer.js';
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
      .raw('","method":"')
      .jsonText(head.method)
      .raw('","authority":"')
      .json(head.bytes, head.authorityStart, head.authorityEnd);
    out
      .raw('","path":"')
      .json(head.path, head.pathStart, head.pathEnd)
      .json(head.bytes, head.queryStart, head.queryEnd);
    out.raw('","status":').number(record.status);
    amounts(out, record.reason, downstream.bodyBytesReceived, downstream.bodyBytesSent, durationMs, record.upstreamMs);
    parties(out, downstream.remote, downstream.isTls || record.upstreamUri !== '', record);
    out.raw(',"request_id":"').json(record.requestId, 0, record.requestId.length);
    end(out, record.detail);
  },
  tunnel(out, direction, record, wallMs, durationMs) {
    begin(out, direction, 'tcp', wallMs);
    out.raw('","method":"","authority":"').jsonText(formatAddress(record.destination)).raw('","path":"","status":0');
    amounts(out, record.reason, record.bytesReceived, record.bytesSent, durationMs, record.upstreamMs);
    parties(out, record.downstream.remote, record.downstream.isTls || record.upstreamUri !== '', record);
    out.raw(',"request_id":"');
    end(out, record.detail);
  },
  rejected(out, direction, record, wallMs) {
    begin(out, direction, record.isHttp ? 'http/1.1' : record.isTls ? 'tls' : 'tcp', wallMs);
    out
      .raw('","method":"","authority":"')
      .jsonText(formatAddress(record.destination))
      .raw('","path":"","status":')
      .number(record.status);
    amounts(out, record.reason, 0, 0, 0, -1);
    parties(out, record.remote, record.isTls, nothingChosen);
    out.raw(',"request_id":"');
    end(out, record.detail);
  },
};

export const textLines: LineFormat = {
  exchange(out, direction, record, wallMs, durationMs) {
    const { head, downstream } = record;
    out.raw('[').raw(new Date(wallMs).toISOString()).raw('] ').raw(direction).raw(' "').raw(head.method).raw(' ');
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
      .raw(new Date(wallMs).toISOString())
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
      .raw(new Date(wallMs).toISOString())
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
      .jsonText(record.detail)
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

function begin(out: LineWriter, direction: Direction, protocol: string, wallMs: number): void {
  out
    .raw('{"start":"')
    .raw(timestamp(wallMs))
    .raw('","direction":"')
    .raw(direction)
    .raw('","protocol":"')
    .raw(protocol);
}

function amounts(
  out: LineWriter,
  reason: string,
  received: number,
  sent: number,
  durationMs: number,
  upstreamMs: number,
): void {
  out.raw(',"reason":"').raw(reason).raw('","bytes_received":').number(received).raw(',"bytes_sent":').number(sent);
  out.raw(',"duration_us":').number(microseconds(durationMs)).raw(',"upstream_duration_us":');
  if (upstreamMs < 0) out.raw('null');
  else out.number(microseconds(upstreamMs));
}

function parties(out: LineWriter, remote: SocketAddress, tls: boolean, record: CommonFields): void {
  out.raw(',"downstream":"').raw(formatAddress(remote)).raw('","upstream":"');
  if (record.upstreamAddress !== undefined) out.raw(formatAddress(record.upstreamAddress));
  out.raw('","peer":"').jsonText(record.upstreamUri !== '' ? record.upstreamUri : record.peerUri);
  out
    .raw(tls ? '","tls":true,"route":"' : '","tls":false,"route":"')
    .jsonText(record.route)
    .raw('","cluster":"')
    .jsonText(record.clusterName);
  out.raw('","policy":"').jsonText(record.policy).raw('","attempts":').number(record.attempts);
}

function end(out: LineWriter, detail: string): void {
  if (detail !== '') out.raw('","detail":"').jsonText(detail);
  out.raw('"}\n');
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

/** RFC 3339 in UTC with microseconds. */
function timestamp(wallMs: number): string {
  const iso = new Date(wallMs).toISOString();
  const micros = Math.floor((wallMs % 1) * 1000);
  return `${iso.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}
