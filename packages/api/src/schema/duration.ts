import { z } from 'zod';
import { isDuration } from '../facts/duration.js';
import { show } from './explain.js';
import { says } from './finding.js';

const remedy = 'Write it as 5s, 1m30s or 100ms.';
const isNone = (input: unknown): string => says(`${show(input)} is not a duration`, remedy);

/** A duration of the Gateway API, kept as its author wrote it; `durationMs` reads it. A number lacks its unit: quotes, which other texts need, would not help. */
export const duration: z.ZodType<string> = z
  .string({ error: ({ input }) => (typeof input === 'number' ? isNone(input) : undefined) })
  .refine(isDuration, { error: ({ input }) => isNone(input) });
