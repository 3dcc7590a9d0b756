import { anyIs, filterName, secretName } from '@tulle/xds';
import type { TransportSocket } from '@tulle/xds/gen/envoy/config/core/v3/base_pb.js';
import { RawBufferSchema } from '@tulle/xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import {
  type CertificateValidationContext,
  SubjectAltNameMatcher_SanType as SanType,
  type TlsParameters,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { SdsSecretConfig } from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { Refusal } from './refusal.js';
import { open } from './strict.js';
import { requireAds } from './values.js';

/** What a TLS context of either side comes to. */
export interface TlsSettings {
  readonly identity: string | undefined;
  /** Name of the SDS secret with the roots. */
  readonly trust: string | undefined;
  readonly alpn: readonly string[];
  readonly allowedUris: readonly string[];
  /** Upstream: the name to ask for. */
  readonly serverName: string;
  /** Downstream: a client must show a certificate. */
  readonly requireClientCertificate: boolean;
}

/** undefined: no TLS. */
export function upstreamTls(socket: TransportSocket | undefined, path: string): TlsSettings | undefined {
  const any = typedConfig(socket, path);
  if (any === undefined || anyIs(any, RawBufferSchema)) return plain(any, path);
  const at = `${path}.typed_config`;
  const context = open(any, UpstreamTlsContextSchema, at);
  const common = commonTls(context.commonTlsContext, `${at}.common_tls_context`);
  if (common.trust === undefined) {
    throw new Refusal(
      `${at}.common_tls_context`,
      'needs a validation context: a server that anybody can be is no peer',
    );
  }
  return { ...common, serverName: context.sni, requireClientCertificate: false };
}

/** undefined: no TLS. */
export function downstreamTls(socket: TransportSocket | undefined, path: string): TlsSettings | undefined {
  const any = typedConfig(socket, path);
  if (any === undefined || anyIs(any, RawBufferSchema)) return plain(any, path);
  const at = `${path}.typed_config`;
  const context = open(any, DownstreamTlsContextSchema, at);
  const common = commonTls(context.commonTlsContext, `${at}.common_tls_context`);
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (common.identity === undefined) {
    throw new Refusal(`${at}.common_tls_context.tls_certificate_sds_secret_configs`, 'is missing');
  }
  if (requireClientCertificate && common.trust === undefined) {
    throw new Refusal(`${at}.common_tls_context`, 'needs a validation context, as a client certificate is required');
  }
  return { ...common, serverName: '', requireClientCertificate };
}

function typedConfig(socket: TransportSocket | undefined, path: string) {
  if (socket === undefined) return undefined;
  if (socket.configType.case !== 'typedConfig') {
    throw new Refusal(`${path}.typed_config`, `is missing; ${filterName.tls} or ${filterName.rawBuffer} is understood`);
  }
  return socket.configType.value;
}

function plain(any: ReturnType<typeof typedConfig>, path: string): undefined {
  if (any !== undefined) open(any, RawBufferSchema, `${path}.typed_config`);
  return undefined;
}

function commonTls(
  context: CommonTlsContext | undefined,
  path: string,
): Pick<TlsSettings, 'identity' | 'trust' | 'alpn' | 'allowedUris'> {
  if (context === undefined) throw new Refusal(path, 'is missing');
  requireTls13(context.tlsParams, `${path}.tls_params`);
  const { validationContextType: validation, tlsCertificateSdsSecretConfigs: certificates } = context;
  if (certificates.length > 1) throw new Refusal(`${path}.tls_certificate_sds_secret_configs`, 'has more than one');
  const [certificate] = certificates;
  const identity =
    certificate === undefined ? undefined : ownIdentity(certificate, `${path}.tls_certificate_sds_secret_configs[0]`);
  const common = { identity, alpn: context.alpnProtocols };
  switch (validation.case) {
    case undefined:
      return { ...common, trust: undefined, allowedUris: [] };
    case 'validationContextSdsSecretConfig':
      return {
        ...common,
        trust: trustName(validation.value, `${path}.validation_context_sds_secret_config`),
        allowedUris: [],
      };
    case 'combinedValidationContext': {
      const at = `${path}.combined_validation_context`;
      const { defaultValidationContext: checks, validationContextSdsSecretConfig: source } = validation.value;
      if (source === undefined) throw new Refusal(`${at}.validation_context_sds_secret_config`, 'is missing');
      return {
        ...common,
        trust: trustName(source, `${at}.validation_context_sds_secret_config`),
        allowedUris: checks === undefined ? [] : exactUris(checks, `${at}.default_validation_context`),
      };
    }
    default:
      throw new Refusal(path, `${validation.case} is not understood`);
  }
}

/** Between sidecars there is TLS 1.3 and nothing else: a configuration that rules it out cannot be served. */
function requireTls13(params: TlsParameters | undefined, path: string): void {
  const max = params?.tlsMaximumProtocolVersion ?? TlsProtocol.TLS_AUTO;
  if (max !== TlsProtocol.TLS_AUTO && max !== TlsProtocol.TLSv1_3) {
    throw new Refusal(`${path}.tls_maximum_protocol_version`, 'must be TLSv1_3');
  }
}

/** The sidecar has its certificate itself, and takes none from others. */
function ownIdentity({ name, sdsConfig }: SdsSecretConfig, path: string): string {
  if (name !== secretName.identity) throw new Refusal(`${path}.name`, `must be "${secretName.identity}"`);
  if (sdsConfig !== undefined)
    throw new Refusal(`${path}.sds_config`, 'must not be set: the key never leaves the sidecar');
  return name;
}

function trustName({ name, sdsConfig }: SdsSecretConfig, path: string): string {
  if (name === '') throw new Refusal(`${path}.name`, 'is missing');
  requireAds(sdsConfig, `${path}.sds_config`);
  return name;
}

function exactUris({ matchTypedSubjectAltNames, trustedCa }: CertificateValidationContext, path: string): string[] {
  if (trustedCa !== undefined) throw new Refusal(`${path}.trusted_ca`, 'is not understood here: roots come by SDS');
  return matchTypedSubjectAltNames.map(({ sanType, matcher }, i) => {
    const at = `${path}.match_typed_subject_alt_names[${i}]`;
    if (sanType !== SanType.URI) throw new Refusal(`${at}.san_type`, 'must be URI');
    if (matcher?.matchPattern.case !== 'exact') throw new Refusal(`${at}.matcher`, 'must be exact');
    return matcher.matchPattern.value;
  });
}
