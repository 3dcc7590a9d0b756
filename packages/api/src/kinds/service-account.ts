import { z } from 'zod';
import { ignoring, strict } from '../schema/fields.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

export interface ServiceAccount {
  apiVersion: 'v1';
  kind: 'ServiceAccount';
  metadata: ObjectMeta;
}

export const serviceAccountSchema: z.ZodType<ServiceAccount> = strict({
  apiVersion: z.literal('v1'),
  kind: z.literal('ServiceAccount'),
  metadata: metadataOf(),
  ...ignoring('secrets', 'imagePullSecrets', 'automountServiceAccountToken'),
});
