import { z } from 'zod';
import { dnsLabel, nonEmpty, strict } from '../schema/fields.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/**
 * The ReferenceGrant of the Gateway API: it stands beside what is referred to, and says from where. Tulle reads those of HTTPRoutes to Services; what others mean is for others
 * to say.
 */
export interface ReferenceGrant {
  apiVersion: 'gateway.networking.k8s.io/v1beta1';
  kind: 'ReferenceGrant';
  metadata: ObjectMeta;
  spec: {
    from: { group: string; kind: string; namespace: string }[];
    /** Without a name: all of that kind in the grant's namespace. */
    to: { group: string; kind: string; name?: string }[];
  };
}

export const referenceGrantSchema: z.ZodType<ReferenceGrant> = strict({
  apiVersion: z.literal('gateway.networking.k8s.io/v1beta1'),
  kind: z.literal('ReferenceGrant'),
  metadata: metadataOf(),
  spec: strict({
    from: z.array(strict({ group: z.string(), kind: nonEmpty, namespace: dnsLabel })).min(1),
    to: z.array(strict({ group: z.string(), kind: nonEmpty, name: nonEmpty.optional() })).min(1),
  }),
});
