export {
  type AnnotationProblem,
  EXCLUDE_INBOUND_PORTS_ANNOTATION,
  EXCLUDE_OUTBOUND_CIDRS_ANNOTATION,
  EXCLUDE_OUTBOUND_PORTS_ANNOTATION,
  INBOUND_LISTENERS_ANNOTATION,
  type InboundListener,
  type PodAnnotations,
  readPodAnnotations,
} from './facts/annotations.js';
export { assignClusterIps } from './facts/cluster-ip.js';
export { durationMs, isDuration } from './facts/duration.js';
export { INJECT_KEY, isInjected } from './facts/injection.js';
export { matchesLabels } from './facts/labels.js';
export { type ServiceProtocol, serviceProtocol } from './facts/protocol.js';
export { targetPortOf } from './facts/target-port.js';
export type {
  AuthorizationPolicy,
  PolicyOperation,
  PolicyRule,
  PolicySource,
} from './kinds/authorization-policy.js';
export { type EndpointSlice, SERVICE_NAME_LABEL, type SliceEndpoint, type SlicePort } from './kinds/endpoint-slice.js';
export type { BackendRef, HttpRoute, HttpRouteRule, ParentRef } from './kinds/http-route.js';
export type {
  HeaderEdit,
  HeaderModifier,
  HttpRouteFilter,
  PathModifier,
  RequestRedirect,
  UrlRewrite,
} from './kinds/http-route-filter.js';
export type { HttpMethod, HttpRouteMatch, PathMatch, ValueMatch } from './kinds/http-route-match.js';
export { defaultPaths, type MeshPolicy, type PathSettings } from './kinds/mesh-policy.js';
export type { ObjectMeta } from './kinds/metadata.js';
export type { Namespace } from './kinds/namespace.js';
export type { Container, ContainerPort, EnvVar, Pod, PodSpec, PodStatus } from './kinds/pod.js';
export type { ReferenceGrant } from './kinds/reference-grant.js';
export type { Resource } from './kinds/resource.js';
export type { Service, ServicePort, ServiceSpec } from './kinds/service.js';
export type { ServiceAccount } from './kinds/service-account.js';
export type {
  HashOn,
  LoadBalancer,
  OutlierDetection,
  RetryReason,
  RetrySettings,
  TargetRef,
  TrafficPolicy,
} from './kinds/traffic-policy.js';
export { formatPath, type Path } from './manifest/locate.js';
export { type Manifest, type ParsedResource, parseManifest } from './manifest/manifest.js';
export { formatProblem, type Position, type Problem } from './problem.js';
export { didYouMean } from './schema/did-you-mean.js';
