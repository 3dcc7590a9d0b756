import { z } from 'zod';
import { isDuration } from '../facts/duration.js';
import { show } from './explain.js';
import { says } from './finding.js';

/** A duration of the Gateway API, kept as its author wrote it; `durationMs` reads it. */
export const duration: z.ZodType<string> = z.string().refine(isDuration, {
  error: (issue) => says(`${show(issue.input)} is not a duration`, 'Write it as 5s, 1m30s or 100ms.'),
});
