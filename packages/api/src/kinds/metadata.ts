import { z } from 'zod';
import { dnsLabel, dnsName, ignoring, nonEmpty, strict, stringMap } from '../schema/fields.js';

/** The part of Kubernetes' ObjectMeta that somebody here reads. */
export interface ObjectMeta {
  name: string;
  /** `default` where the manifest names none. Of no meaning for a Namespace. */
  namespace: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  uid?: string;
  /** RFC 3339. The API server sets it; a manifest from a person's hand has none. */
  creationTimestamp?: string;
}

/** Set by the API server or meant for other programs. */
const OTHERS = ignoring(
  'generation',
  'resourceVersion',
  'selfLink',
  'managedFields',
  'ownerReferences',
  'finalizers',
  'generateName',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
);

/** `labels:` with nothing below it is null in YAML and empty to Kubernetes. */
const optionalMap = stringMap.nullish().transform((map) => map ?? {});

const shape = {
  labels: optionalMap,
  annotations: optionalMap,
  uid: nonEmpty.optional(),
  creationTimestamp: z
    .string()
    .nullish()
    .transform((time) => time ?? undefined),
  ...OTHERS,
};

/** @param name the rule for names of the kind: some kinds allow dots, some do not. */
export function metadataOf(name: z.ZodType<string> = dnsName): z.ZodType<ObjectMeta> {
  return strict({ name, namespace: dnsLabel.default('default'), ...shape });
}
