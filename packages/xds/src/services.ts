import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientUnaryCall,
  type Metadata,
  type requestCallback,
} from '@grpc/grpc-js';
import { AggregatedDiscoveryService } from './gen/envoy/service/discovery/v3/ads_pb.js';
import type { DiscoveryRequest, DiscoveryResponse } from './gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  CertificateService,
  type SignCertificateRequest,
  type SignCertificateResponse,
} from './gen/tulle/identity/v1/certificate_pb.js';
import { type ServiceOf, serviceDefinition } from './grpc.js';
import { MAX_DISCOVERY_RESPONSE_BYTES } from './limits.js';

/** `envoy.service.discovery.v3.AggregatedDiscoveryService`. */
export const adsService: ServiceOf<typeof AggregatedDiscoveryService> = serviceDefinition(AggregatedDiscoveryService);

/** `tulle.identity.v1.CertificateService`. */
export const certificateService: ServiceOf<typeof CertificateService> = serviceDefinition(CertificateService);

/** Speaks `StreamAggregatedResources`, with responses of up to MAX_DISCOVERY_RESPONSE_BYTES. `close()` it when done. */
export class AdsClient extends Client {
  constructor(address: string, credentials: ChannelCredentials, options?: ClientOptions) {
    super(address, credentials, { 'grpc.max_receive_message_length': MAX_DISCOVERY_RESPONSE_BYTES, ...options });
  }

  /** Opens one stream; errors arrive as its 'error' event with a `code` of `grpc.status`. */
  stream(metadata: Metadata, options: CallOptions = {}): ClientDuplexStream<DiscoveryRequest, DiscoveryResponse> {
    const { path, requestSerialize, responseDeserialize } = adsService.streamAggregatedResources;
    return this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
  }
}

/** Speaks `SignCertificate`. `close()` it when done. */
export class CertificateClient extends Client {
  constructor(address: string, credentials: ChannelCredentials, options?: ClientOptions) {
    super(address, credentials, options);
  }

  sign(
    request: SignCertificateRequest,
    metadata: Metadata,
    options: CallOptions,
    callback: requestCallback<SignCertificateResponse>,
  ): ClientUnaryCall {
    const { path, requestSerialize, responseDeserialize } = certificateService.signCertificate;
    return this.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, callback);
  }
}
