/**
 * One response holds all resources of a type. A sidecar that knows 10,000 clusters gets about 10 MB of them; grpc-js itself would
 * refuse beyond 4 MB. A larger response ends the stream with RESOURCE_EXHAUSTED: subscribe by name instead.
 */
export const MAX_DISCOVERY_RESPONSE_BYTES: number = 64 * 1024 * 1024;
