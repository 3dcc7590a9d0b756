import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Server,
  type ServerCredentials,
  type ServerOptions,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { adsService, certificateService, MAX_DISCOVERY_RESPONSE_BYTES } from '@tulle/xds';
import type { DiscoveryRequest, DiscoveryResponse } from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import type {
  SignCertificateRequest,
  SignCertificateResponse,
} from '@tulle/xds/gen/tulle/identity/v1/certificate_pb.js';
import type { SignCertificate, StatusError } from './certificate-service.js';
import {
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_REQUEST_BYTES,
  MAX_STREAMS_PER_CONNECTION,
  SHUTDOWN_GRACE_MS,
} from './limits.js';

/** A server that listens. */
export interface Listening {
  /** As bound, port included: `127.0.0.1:15012`. */
  readonly address: string;
  /** Lets open calls end for a moment, then cuts them. */
  close(): Promise<void>;
}

/** An address cannot be listened on. The message holds the remedy. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const serverOptions: ServerOptions = {
  'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
  'grpc.max_send_message_length': MAX_DISCOVERY_RESPONSE_BYTES,
  'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
};

/** @throws ListenError */
export function listenAds(
  address: string,
  credentials: ServerCredentials,
  handle: handleBidiStreamingCall<DiscoveryRequest, DiscoveryResponse>,
): Promise<Listening> {
  const server = new Server(serverOptions);
  const { streamAggregatedResources } = adsService;
  server.addService({ streamAggregatedResources }, {
    streamAggregatedResources: handle,
  } as UntypedServiceImplementation);
  return listen(server, address, credentials, '--ads');
}

/** @throws ListenError */
export function listenCertificates(
  address: string,
  credentials: ServerCredentials,
  sign: SignCertificate,
): Promise<Listening> {
  const server = new Server(serverOptions);
  const signCertificate: handleUnaryCall<SignCertificateRequest, SignCertificateResponse> = (call, callback) => {
    sign(call.request, call.metadata).then(
      (response) => callback(null, response),
      (refusal: StatusError) => callback({ code: refusal.code, details: refusal.details }),
    );
  };
  server.addService(certificateService, { signCertificate } as UntypedServiceImplementation);
  return listen(server, address, credentials, '--certificates');
}

async function listen(
  server: Server,
  address: string,
  credentials: ServerCredentials,
  flag: string,
): Promise<Listening> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  }).catch((cause: Error) => {
    throw listenError(flag, address, cause);
  });
  return {
    address: `${address.slice(0, address.lastIndexOf(':'))}:${port}`,
    close: () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.forceShutdown(), SHUTDOWN_GRACE_MS);
        server.tryShutdown(() => {
          clearTimeout(cut);
          resolve();
        });
      }),
  };
}

/** Says what to do about an address that cannot be listened on. */
export function listenError(flag: string, address: string, cause: Error): ListenError {
  const { message } = cause;
  const why = /EADDRINUSE/.test(message)
    ? 'another program listens there: stop it'
    : /EACCES/.test(message)
      ? 'this user may not listen there'
      : /EADDRNOTAVAIL/.test(message)
        ? 'this machine has no such address'
        : message;
  return new ListenError(`cannot listen on ${address}: ${why}, or give ${flag} another ADDRESS:PORT`, { cause });
}
