import type { ChainMatchConfig, Direction, ServerTlsConfig, SocketAddress } from '@tulle/proxy-core';
import { anyIs, detectedHttp } from '@tulle/xds';
import { TrafficDirection } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import type { FilterChain, FilterChainMatch } from '@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js';
import { HttpInspectorSchema } from '@tulle/xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { OriginalDstSchema } from '@tulle/xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { type Carried, carriedBy } from './filters.js';
import { Refusal } from './refusal.js';
import { noRetries } from './routes.js';
import { open } from './strict.js';
import { downstreamTls, type TlsSettings } from './tls.js';
import { portNumber, positiveMilliseconds, socketAddress } from './values.js';

/** A listener as it is understood. */
export interface ListenerPart {
  readonly name: string;
  readonly direction: Direction;
  readonly address: SocketAddress;
  /** `virtual`: it is reached through the listener that takes redirected connections, by its address. */
  readonly kind: 'redirected' | 'bound' | 'virtual';
  readonly chains: readonly ChainPart[];
}

export interface ChainPart {
  readonly name: string;
  readonly match: ChainMatchConfig;
  readonly tls: ServerTlsConfig | undefined;
  /** Only for plain connections that were found to speak HTTP. */
  readonly isDetected: boolean;
  readonly carried: Carried;
}

/** @throws Refusal */
export function listenerPart(listener: Listener): ListenerPart {
  const { name, trafficDirection, useOriginalDst = false, bindToPort = true } = listener;
  checkInspectors(listener);
  const direction = directionOf(trafficDirection);
  const address = socketAddress(listener.address, 'address');
  if (useOriginalDst && !bindToPort) throw new Refusal('use_original_dst', 'needs a listener that is bound');
  const kind = useOriginalDst ? 'redirected' : bindToPort ? 'bound' : 'virtual';
  const chains = listener.filterChains.map((chain, i) =>
    chainPart(chain, chain.name || `${name}[${i}]`, direction, `filter_chains[${i}]`),
  );
  if (kind === 'virtual' && chains.some(({ match }) => match.port !== undefined)) {
    throw new Refusal('filter_chains', 'destination_port is not understood where the address says it');
  }
  const { defaultFilterChain } = listener;
  if (defaultFilterChain !== undefined) {
    const last = chainPart(
      defaultFilterChain,
      defaultFilterChain.name || `${name}/default`,
      direction,
      'default_filter_chain',
    );
    if (defaultFilterChain.filterChainMatch !== undefined) {
      throw new Refusal('default_filter_chain.filter_chain_match', 'must not be set');
    }
    if (!chains.some(takesAllPlain)) chains.push(last);
    // What is left is the TLS that no chain ends.
    else if (passesTls(last) && !chains.some(takesAllTls)) chains.push({ ...last, match: { transport: 'tls' } });
  }
  if (chains.length === 0) throw new Refusal('filter_chains', 'is empty');
  return { name, direction, address, kind, chains };
}

function takesAllPlain({ match, tls, isDetected }: ChainPart): boolean {
  return match.port === undefined && match.transport !== 'tls' && tls === undefined && !isDetected;
}

function takesAllTls(chain: ChainPart): boolean {
  const { match, tls } = chain;
  if (match.port !== undefined || match.transport === 'plain' || match.alpn !== undefined) return false;
  return tls !== undefined || passesTls(chain);
}

function passesTls({ tls, carried }: ChainPart): boolean {
  return tls === undefined && carried.kind === 'tcp';
}

function directionOf(direction: TrafficDirection): Direction {
  if (direction === TrafficDirection.OUTBOUND) return 'outbound';
  if (direction === TrafficDirection.INBOUND) return 'inbound';
  throw new Refusal('traffic_direction', 'must be INBOUND or OUTBOUND');
}

/** Detection is part of the proxy; it goes by the first bytes, and where there are none it reaches the server, which may be the one to speak. */
function checkInspectors({
  listenerFilters,
  listenerFiltersTimeout,
  continueOnListenerFiltersTimeout,
}: Listener): void {
  for (const [index, { configType }] of listenerFilters.entries()) {
    const any = configType.case === 'typedConfig' ? configType.value : undefined;
    const path = `listener_filters[${index}].typed_config`;
    if (anyIs(any, HttpInspectorSchema)) open(any, HttpInspectorSchema, path);
    else if (anyIs(any, OriginalDstSchema)) open(any, OriginalDstSchema, path);
    else open(any, TlsInspectorSchema, path);
  }
  if (listenerFiltersTimeout === undefined) return;
  positiveMilliseconds(listenerFiltersTimeout, 'listener_filters_timeout');
  if (!continueOnListenerFiltersTimeout) {
    throw new Refusal('continue_on_listener_filters_timeout', 'must be true where there is a timeout');
  }
}

function chainPart(chain: FilterChain, name: string, direction: Direction, path: string): ChainPart {
  const settings = downstreamTls(chain.transportSocket, `${path}.transport_socket`);
  const withoutRetryPolicy = direction === 'outbound' ? noRetries : undefined;
  const carried = carriedBy(chain.filters, withoutRetryPolicy, `${path}.filters`);
  const match = matchOf(chain.filterChainMatch, settings, carried, `${path}.filter_chain_match`);
  const isDetected = match.transport !== 'tls' && (chain.filterChainMatch?.applicationProtocols.length ?? 0) > 0;
  return { name, match, tls: settings === undefined ? undefined : serverTls(settings), isDetected, carried };
}

function matchOf(
  match: FilterChainMatch | undefined,
  tls: TlsSettings | undefined,
  carried: Carried,
  path: string,
): ChainMatchConfig {
  const { destinationPort: port, transportProtocol = '', applicationProtocols = [] } = match ?? {};
  const found = port === undefined ? {} : { port: portNumber(port, `${path}.destination_port`) };
  if (tls !== undefined) {
    if (transportProtocol !== 'tls')
      throw new Refusal(`${path}.transport_protocol`, 'must be tls, as the chain ends TLS');
    if (!isSameSet(tls.alpn, applicationProtocols)) {
      throw new Refusal(`${path}.application_protocols`, 'must be the alpn_protocols of the transport socket');
    }
    return { ...found, transport: 'tls', ...(applicationProtocols.length > 0 ? { alpn: applicationProtocols } : {}) };
  }
  if (transportProtocol === 'tls') {
    if (carried.kind !== 'tcp')
      throw new Refusal(
        `${path}.transport_protocol`,
        'tls needs a TLS transport socket, or a TCP proxy that passes it on',
      );
    return { ...found, transport: 'tls', ...(applicationProtocols.length > 0 ? { alpn: applicationProtocols } : {}) };
  }
  if (transportProtocol !== '' && transportProtocol !== 'raw_buffer') {
    throw new Refusal(`${path}.transport_protocol`, `"${transportProtocol}" is not understood`);
  }
  checkDetected(applicationProtocols, carried, `${path}.application_protocols`);
  return transportProtocol === '' ? found : { ...found, transport: 'plain' };
}

/** Of plain connections it can be found out whether HTTP is spoken: such a chain must speak it. */
function checkDetected(protocols: readonly string[], carried: Carried, path: string): void {
  if (protocols.length === 0) return;
  const stranger = protocols.find((each) => !detectedHttp.includes(each));
  if (stranger !== undefined) throw new Refusal(path, `"${stranger}" cannot be detected in a plain connection`);
  if (carried.kind !== 'http') throw new Refusal(path, 'detected HTTP must go to an HTTP connection manager');
  if (!protocols.includes('http/1.1')) throw new Refusal(path, 'must include http/1.1');
}

function serverTls({ identity, trust, requireClientCertificate, allowedUris }: TlsSettings): ServerTlsConfig {
  return {
    identity: identity!, // downstreamTls refuses a context without one.
    requireClientCertificate,
    ...(trust === undefined ? {} : { clientTrust: trust }),
    ...(allowedUris.length === 0 ? {} : { allowedUris }),
  };
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}
