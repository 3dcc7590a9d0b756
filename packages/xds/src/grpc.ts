import { type DescMethod, type DescService, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** The grpc-js method definition of one method, with its message types. */
export type MethodOf<M extends DescMethod> = MethodDefinition<MessageShape<M['input']>, MessageShape<M['output']>>;

/** The grpc-js service definition of a protobuf service; method names are in camel case. */
export type ServiceOf<S extends DescService> = ServiceDefinition & {
  [K in keyof S['method']]: MethodOf<S['method'][K]>;
};

/**
 * Makes what `Server.addService` and `Client` of grpc-js take from a generated service descriptor.
 *
 * Decoding errors (`Error` of protobuf's reader) surface in grpc-js as the status INTERNAL of that call.
 */
export function serviceDefinition<S extends DescService>(service: S): ServiceOf<S> {
  const methods = service.methods.map((method): [string, MethodOf<DescMethod>] => [
    method.localName,
    methodDefinition(method),
  ]);
  return Object.fromEntries(methods) as unknown as ServiceOf<S>;
}

function methodDefinition(method: DescMethod): MethodOf<DescMethod> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: (message) => toBuffer(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => toBuffer(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
    originalName: method.localName,
  };
}

/** A Buffer over the same memory: grpc-js wants Buffers. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
