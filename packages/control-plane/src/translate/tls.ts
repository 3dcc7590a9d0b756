import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type alpn, filterName, packAny, secretName } from '@tulle/xds';
import { type TransportSocket, TransportSocketSchema } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import { RawBufferSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { overAds } from './ads.js';

type AlpnProtocol = (typeof alpn)[keyof typeof alpn];

/** Between sidecars there is TLS 1.3 and nothing else. Envoy wants the maximum set too, or an upstream stays at 1.2. */
const tlsParams = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

const trust = { name: secretName.trust, sdsConfig: overAds };

/** A secret without a source is one that the sidecar has of its own: nobody else may ever see this key. */
const identity = { name: secretName.identity };

/**
 * TLS towards the pods of a Service port.
 * @param peers SPIFFE ids, any of which the peer's certificate must have.
 */
export function upstreamTls(peers: readonly string[], protocol: AlpnProtocol): TransportSocket {
  const commonTlsContext: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams,
    alpnProtocols: [protocol],
    tlsCertificateSdsSecretConfigs: [identity],
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: { matchTypedSubjectAltNames: peers.map(exactUri) },
        validationContextSdsSecretConfig: trust,
      },
    },
  };
  const config = packAny(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, { commonTlsContext }));
  return create(TransportSocketSchema, { name: filterName.tls, configType: { case: 'typedConfig', value: config } });
}

function exactUri(uri: string) {
  return {
    sanType: SubjectAltNameMatcher_SanType.URI,
    matcher: { matchPattern: { case: 'exact' as const, value: uri } },
  };
}

/** TLS from other sidecars: whoever connects shows a certificate of this mesh. What he may do is a matter of policies. */
export function downstreamTls(protocols: readonly AlpnProtocol[]): TransportSocket {
  const commonTlsContext: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams,
    alpnProtocols: [...protocols],
    tlsCertificateSdsSecretConfigs: [identity],
    validationContextType: { case: 'validationContextSdsSecretConfig', value: trust },
  };
  const context = create(DownstreamTlsContextSchema, { commonTlsContext, requireClientCertificate: true });
  const config = packAny(DownstreamTlsContextSchema, context);
  return create(TransportSocketSchema, { name: filterName.tls, configType: { case: 'typedConfig', value: config } });
}

/** No TLS. */
export const rawBuffer: TransportSocket = create(TransportSocketSchema, {
  name: filterName.rawBuffer,
  configType: { case: 'typedConfig', value: packAny(RawBufferSchema, create(RawBufferSchema)) },
});
