import type {
  AuthorizationPolicy,
  HashOn,
  HttpRouteFilter,
  HttpRouteMatch,
  InboundListener,
  LoadBalancer,
  PathSettings,
  Problem,
  ServiceProtocol,
} from '@tulle/api';

/**
 * The whole configuration as one immutable graph: names are resolved, references are objects, order is decided.
 *
 * A new state of the configuration is a new Model; nothing in one is ever changed. So whatever is derived from a model may be
 * kept as long as the model is.
 */
export interface Model {
  /** Rises by one with every accepted change. */
  readonly generation: number;
  /** By namespace and name. */
  readonly services: readonly ModelService[];
  /** By namespace and name. */
  readonly pods: readonly ModelPod[];
  /** All HTTPRoutes, by namespace and name. */
  readonly routes: readonly ModelRoute[];
  /** All policies, by namespace and name. */
  readonly policies: readonly AuthorizationPolicy[];
  /** How every sidecar reads the paths of requests. */
  readonly paths: PathSettings;
  findPod(namespace: string, name: string): ModelPod | undefined;
  findService(namespace: string, name: string): ModelService | undefined;
  /** Namespaces whose own routes change what their clients see of somebody else's Service: `ModelPort.consumerRules`. */
  readonly consumerNamespaces: ReadonlySet<string>;
}

export interface ModelService {
  readonly namespace: string;
  readonly name: string;
  /** Undefined for a headless Service: clients dial its pods. */
  readonly clusterIp: string | undefined;
  /** In the order in which the Service lists them. Only TCP ports. */
  readonly ports: readonly ModelPort[];
}

export interface ModelPort {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly name: string | undefined;
  readonly protocol: ServiceProtocol;
  /** Endpoints that take new connections, by address and port. */
  readonly endpoints: readonly ModelEndpoint[];
  /** `<namespace>/<service account>` of all mesh pods that may answer for this port, sorted. */
  readonly serviceAccounts: readonly string[];
  /** What the routes in the Service's namespace say, in order of precedence; undefined where no route is bound. */
  readonly producerRules: readonly ModelRule[] | undefined;
  /** What the routes in another namespace say to the clients of that namespace, who see these rules only. */
  readonly consumerRules: ReadonlyMap<string, readonly ModelRule[]>;
  readonly traffic: TrafficSettings;
}

export interface ModelEndpoint {
  /** Where a client sends to. Differs from the pod's own address where its sidecar listens elsewhere for this port. */
  readonly address: string;
  readonly port: number;
  /** Undefined for an endpoint that is no pod. */
  readonly pod: ModelPod | undefined;
}

export interface ModelPod {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  /** Undefined until the pod runs. */
  readonly podIp: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** True when the pod has a sidecar: it speaks mesh TLS and has an identity. */
  readonly injected: boolean;
  /** TCP ports that its containers declare or that a Service targets, ascending. */
  readonly ports: readonly ModelPodPort[];
  readonly inboundListeners: readonly InboundListener[];
  /** Policies that select it, by namespace and name. */
  readonly policies: readonly AuthorizationPolicy[];
}

export interface ModelPodPort {
  readonly port: number;
  /** What Services declare about it; `auto` when none does, or when they disagree. */
  readonly protocol: ServiceProtocol;
}

/** An HTTPRoute as people list it. */
export interface ModelRoute {
  readonly namespace: string;
  readonly name: string;
  /** `<namespace>/<service>:<port>` of each parent. */
  readonly parents: readonly string[];
  readonly rules: number;
}

/** One match of one rule: what xDS calls a route. */
export interface ModelRule {
  /** `<namespace>/<route>/<index of the rule>`. */
  readonly name: string;
  readonly match: HttpRouteMatch;
  readonly filters: readonly HttpRouteFilter[];
  readonly backends: readonly ModelBackend[];
  /** Undefined: what the TrafficPolicy of the Service says. */
  readonly requestTimeoutMs: number | undefined;
  readonly backendRequestTimeoutMs: number | undefined;
}

export interface ModelBackend {
  readonly port: ModelPort;
  readonly weight: number;
}

/** What a TrafficPolicy says about a Service port; undefined fields are left to the defaults of the translation. */
export interface TrafficSettings {
  readonly requestTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly retries?: TrafficRetries;
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRetries?: number;
  readonly loadBalancer?: LoadBalancer;
  readonly hashOn?: HashOn;
  readonly outlierDetection?: OutlierSettings;
}

export interface OutlierSettings {
  /** 0: not looked at. */
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  /** Undefined: they count among the others. */
  readonly consecutiveLocalOriginFailures?: number;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
  readonly panicThresholdPercent: number;
}

export interface TrafficRetries {
  /** How often a request is sent again, the first time not counted. */
  readonly attempts: number;
  readonly on: readonly ('connect-failure' | 'reset' | '5xx' | 'gateway-error')[];
  readonly perTryTimeoutMs?: number;
  readonly backOff?: { readonly baseIntervalMs: number; readonly maxIntervalMs?: number };
  readonly budget?: { readonly percent: number; readonly minConcurrency: number };
}

/** What building a model comes to: a model, or why there is none. Never both. */
export type ModelResult = { model: Model; problems: readonly [] } | { model: undefined; problems: readonly Problem[] };
