import type { LoadTarget } from '../load/closed-loop.js';
import type { Work } from '../result/bench-case.js';
import type { SparseHistogram } from '../result/bench-result.js';

/** What the runner says to the generator, one at a time; each is answered before the next. */
export type Command =
  /** Connects, as the work asks for. */
  | { do: 'open'; target: LoadTarget; work: Work }
  | { do: 'run'; seconds: number; requests: number | undefined; progressEvery: number | undefined }
  | { do: 'close' };

/** What the generator says. */
export type Reply =
  | { say: 'ready' }
  | { say: 'opened' }
  | { say: 'progress'; requests: number }
  | { say: 'ran'; figures: RunFigures }
  | { say: 'closed' }
  | { say: 'failed'; message: string };

/** What one run came to. */
export interface RunFigures {
  requests: number;
  durationS: number;
  errors: Record<string, number>;
  /** The first failure of each reason in words. */
  examples: Record<string, string>;
  connects: number;
  bytes: { sent: number; received: number };
  latencyUs: SparseHistogram | undefined;
  latenessUs: SparseHistogram | undefined;
}
