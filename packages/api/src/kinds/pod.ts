import { z } from 'zod';
import {
  dnsLabel,
  dnsName,
  ignored,
  ignoring,
  ipAddress,
  nonEmpty,
  portName,
  portNumber,
  strict,
} from '../schema/fields.js';
import { says } from '../schema/finding.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

export interface Pod {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: ObjectMeta;
  spec: PodSpec;
  status: PodStatus;
}

export interface PodSpec {
  /** `default` where the manifest names none. */
  serviceAccountName: string;
  containers: Container[];
  /** Run before the containers, or beside them when their restartPolicy is Always. */
  initContainers: Container[];
  hostNetwork: boolean;
}

export interface Container {
  name: string;
  image?: string;
  command: string[];
  args: string[];
  workingDir?: string;
  env: EnvVar[];
  ports: ContainerPort[];
}

export interface ContainerPort {
  name?: string;
  containerPort: number;
  protocol: 'TCP' | 'UDP' | 'SCTP';
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    /** For example `status.podIP`, `metadata.name`, `metadata.namespace`, `spec.serviceAccountName`. */
    fieldRef?: { fieldPath: string };
  };
}

export interface PodStatus {
  /** Undefined until the pod runs. */
  podIP?: string;
}

const env: z.ZodType<EnvVar> = strict({
  name: nonEmpty,
  value: z.string().optional(),
  valueFrom: strict({
    fieldRef: strict({ fieldPath: nonEmpty, apiVersion: ignored }).optional(),
    ...ignoring('resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'),
  }).optional(),
}).refine((variable) => variable.value === undefined || variable.valueFrom === undefined, {
  error: () => says('the variable has both value and valueFrom', 'Remove one of the two.'),
});

const containerPort: z.ZodType<ContainerPort> = strict({
  name: portName.optional(),
  containerPort: portNumber,
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  ...ignoring('hostPort', 'hostIP'),
});

const container: z.ZodType<Container> = strict({
  name: dnsLabel,
  image: z.string().optional(),
  command: z.array(z.string()).default([]),
  args: z.array(z.string()).default([]),
  workingDir: nonEmpty.optional(),
  env: z.array(env).default([]),
  ports: z.array(containerPort).default([]),
  // What the kubelet does with it.
  ...ignoring(
    'envFrom',
    'imagePullPolicy',
    'lifecycle',
    'livenessProbe',
    'readinessProbe',
    'startupProbe',
    'resizePolicy',
    'resources',
    'restartPolicy',
    'restartPolicyRules',
    'securityContext',
    'stdin',
    'stdinOnce',
    'terminationMessagePath',
    'terminationMessagePolicy',
    'tty',
    'volumeDevices',
    'volumeMounts',
  ),
});

const spec = strict({
  serviceAccountName: dnsName.optional(),
  /** The old name of serviceAccountName, which the API server still writes. */
  serviceAccount: dnsName.optional(),
  containers: z.array(container).min(1),
  initContainers: z.array(container).default([]),
  hostNetwork: z.boolean().default(false),
  // Scheduling, storage, and what else does not change who the pod is or where it listens.
  ...ignoring(
    'activeDeadlineSeconds',
    'affinity',
    'automountServiceAccountToken',
    'dnsConfig',
    'dnsPolicy',
    'enableServiceLinks',
    'ephemeralContainers',
    'hostAliases',
    'hostIPC',
    'hostPID',
    'hostUsers',
    'hostname',
    'hostnameOverride',
    'imagePullSecrets',
    'nodeName',
    'nodeSelector',
    'os',
    'overhead',
    'preemptionPolicy',
    'priority',
    'priorityClassName',
    'readinessGates',
    'resourceClaims',
    'resources',
    'restartPolicy',
    'runtimeClassName',
    'schedulerName',
    'schedulingGates',
    'securityContext',
    'setHostnameAsFQDN',
    'shareProcessNamespace',
    'subdomain',
    'terminationGracePeriodSeconds',
    'tolerations',
    'topologySpreadConstraints',
    'volumes',
  ),
});

/** Written by the kubelet, and different in each version of it: only what is read here is checked. */
const status: z.ZodType<PodStatus> = z.looseObject({
  podIP: ipAddress.optional(),
});

export const podSchema: z.ZodType<Pod> = strict({
  apiVersion: z.literal('v1'),
  kind: z.literal('Pod'),
  metadata: metadataOf(),
  spec: spec.transform(({ serviceAccount, serviceAccountName, ...rest }) => ({
    ...rest,
    serviceAccountName: serviceAccountName ?? serviceAccount ?? 'default',
  })),
  status: status.default({}),
});
