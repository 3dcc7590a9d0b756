import { z } from 'zod';
import { dnsLabel, ignored, strict } from '../schema/fields.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

export interface Namespace {
  apiVersion: 'v1';
  kind: 'Namespace';
  metadata: ObjectMeta;
}

export const namespaceSchema: z.ZodType<Namespace> = strict({
  apiVersion: z.literal('v1'),
  kind: z.literal('Namespace'),
  metadata: metadataOf(dnsLabel),
  spec: ignored,
  status: ignored,
});
