import { isIP } from 'node:net';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { SocketAddress, ValueMatchConfig } from '@tulle/proxy-core';
import type { Address } from '@tulle/xds/gen/envoy/config/core/v3/address_pb.js';
import { SocketAddress_Protocol } from '@tulle/xds/gen/envoy/config/core/v3/address_pb.js';
import type { ConfigSource } from '@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js';
import type { RegexMatcher } from '@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js';
import type { StringMatcher } from '@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js';
import { Refusal } from './refusal.js';

/** Milliseconds, rounded up, so that a short time does not become none. */
export function milliseconds(duration: Duration, path: string): number {
  const ms = Math.ceil(Number(duration.seconds) * 1000 + duration.nanos / 1e6);
  if (ms < 0 || ms > 0x7fff_ffff) throw new Refusal(path, 'must be between 0 and 24 days');
  return ms;
}

export function positiveMilliseconds(duration: Duration, path: string): number {
  const ms = milliseconds(duration, path);
  if (ms === 0) throw new Refusal(path, 'must be more than 0');
  return ms;
}

/** An IP address with a port; names and pipes are refused. */
export function socketAddress(address: Address | undefined, path: string): SocketAddress {
  if (address?.address.case !== 'socketAddress') throw new Refusal(path, 'must be a socket_address');
  const { protocol, address: host, portSpecifier } = address.address.value;
  if (protocol !== SocketAddress_Protocol.TCP) throw new Refusal(`${path}.socket_address.protocol`, 'must be TCP');
  if (isIP(host) === 0) throw new Refusal(`${path}.socket_address.address`, `"${host}" is not an IP address`);
  if (portSpecifier.case !== 'portValue' || portSpecifier.value > 65535) {
    throw new Refusal(`${path}.socket_address.port_value`, 'must be a port number');
  }
  return { host, port: portSpecifier.value };
}

/** Resources come by the stream that the sidecar has, and by no other way. */
export function requireAds(source: ConfigSource | undefined, path: string): void {
  if (source?.configSourceSpecifier.case !== 'ads') throw new Refusal(path, 'must be ads');
}

export interface TextMatch {
  readonly kind: 'exact' | 'prefix';
  readonly value: string;
}

export function textMatch(matcher: StringMatcher | undefined, path: string): TextMatch {
  const pattern = matcher?.matchPattern;
  if (pattern?.case !== 'exact' && pattern?.case !== 'prefix') throw new Refusal(path, 'must be exact or prefix');
  return { kind: pattern.case, value: pattern.value };
}

/** As a route compares a header or a parameter: also by a regular expression, of the whole. The proxy's own check says whether it understands it. */
export function valueMatch(matcher: StringMatcher | undefined, path: string): Omit<ValueMatchConfig, 'name'> {
  const pattern = matcher?.matchPattern;
  if (pattern?.case === 'safeRegex') return { kind: 'regex', value: safeRegex(pattern.value, `${path}.safe_regex`) };
  if (pattern?.case === 'exact' || pattern?.case === 'prefix') return { kind: pattern.case, value: pattern.value };
  throw new Refusal(path, 'must be exact, prefix or safe_regex');
}

export function safeRegex({ regex }: RegexMatcher, path: string): string {
  if (regex === '') throw new Refusal(`${path}.regex`, 'is missing');
  return regex;
}

/** A path as it stands in a request: RFC 3986, visible ASCII only. */
export function absolutePath(value: string, path: string): string {
  if (!/^\/[!-~]*$/.test(value)) throw new Refusal(path, `"${value}" must begin with / and have visible ASCII only`);
  return value;
}

/** A method or the name of a header (RFC 9110 section 5.6.2). */
export function token(value: string, path: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)) throw new Refusal(path, `"${value}" is not a token of HTTP`);
  return value;
}

/** A header's value without control characters: whatever else would let one become two. */
export function fieldValue(value: string, path: string): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new Refusal(path, 'has control characters or is not Latin-1');
  return value;
}

export function host(value: string, path: string): string {
  if (!/^[!-~]+$/.test(value)) throw new Refusal(path, `"${value}" is not a host`);
  return value;
}

export function portNumber(value: number, path: string): number {
  if (value > 65535) throw new Refusal(path, `${value} is not a port number`);
  return value;
}
