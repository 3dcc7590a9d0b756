import type { z } from 'zod';
import { type AuthorizationPolicy, authorizationPolicySchema } from './authorization-policy.js';
import { type EndpointSlice, endpointSliceSchema } from './endpoint-slice.js';
import { type HttpRoute, httpRouteSchema } from './http-route.js';
import { type MeshPolicy, meshPolicySchema } from './mesh-policy.js';
import { type Namespace, namespaceSchema } from './namespace.js';
import { type Pod, podSchema } from './pod.js';
import { type ReferenceGrant, referenceGrantSchema } from './reference-grant.js';
import { type Service, serviceSchema } from './service.js';
import { type ServiceAccount, serviceAccountSchema } from './service-account.js';
import { type TrafficPolicy, trafficPolicySchema } from './traffic-policy.js';

/** Any resource that Tulle reads; `kind` tells which. */
export type Resource =
  | Namespace
  | ServiceAccount
  | Service
  | Pod
  | EndpointSlice
  | HttpRoute
  | ReferenceGrant
  | AuthorizationPolicy
  | TrafficPolicy
  | MeshPolicy;

export interface KindEntry {
  apiVersion: string;
  kind: Resource['kind'];
  schema: z.ZodType<Resource>;
}

/** The kinds that a manifest may hold. */
export const KINDS: readonly KindEntry[] = [
  { apiVersion: 'v1', kind: 'Namespace', schema: namespaceSchema },
  { apiVersion: 'v1', kind: 'ServiceAccount', schema: serviceAccountSchema },
  { apiVersion: 'v1', kind: 'Service', schema: serviceSchema },
  { apiVersion: 'v1', kind: 'Pod', schema: podSchema },
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', schema: endpointSliceSchema },
  { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', schema: httpRouteSchema },
  { apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant', schema: referenceGrantSchema },
  { apiVersion: 'policy.tulle.dev/v1alpha1', kind: 'AuthorizationPolicy', schema: authorizationPolicySchema },
  { apiVersion: 'policy.tulle.dev/v1alpha1', kind: 'TrafficPolicy', schema: trafficPolicySchema },
  { apiVersion: 'policy.tulle.dev/v1alpha1', kind: 'MeshPolicy', schema: meshPolicySchema },
];
