export { AnyError, anyIs, packAny, registry, unpackAny } from './any.js';
export { type MethodOf, type ServiceOf, serviceDefinition } from './grpc.js';
export {
  CONTROL_PLANE_NAMESPACE,
  CONTROL_PLANE_SERVER_NAME,
  CONTROL_PLANE_SERVICE_ACCOUNT,
  isTrustDomain,
  parseSpiffeId,
  spiffeId,
  TOKEN_AUDIENCE,
  type WorkloadIdentity,
} from './identity.js';
export { MAX_DISCOVERY_RESPONSE_BYTES } from './limits.js';
export {
  alpn,
  clusterName,
  controlPlanePort,
  detectedHttp,
  endpointMetadata,
  filterName,
  hostPort,
  listenerName,
  port,
  routeName,
  secretName,
  socketMatchName,
  WHOLE_PATH,
} from './names.js';
export { decodeNode, encodeNode, type Interception, type NodeFacts, nodeId, nodeMetadata } from './node.js';
export { AdsClient, adsService, CertificateClient, certificateService } from './services.js';
export { svidIdentity, svidUri } from './svid.js';
export { TYPE_URL_PREFIX, typeUrl, XDS_PUSH_ORDER, type XdsType, xdsTypeOf } from './type-urls.js';
