import { BulkReader } from '../load/bulk.js';
import { ClosedLoop, type LoadTarget, type LoopFigures } from '../load/closed-loop.js';
import { IdleHolder } from '../load/idle.js';
import { OpenLoop } from '../load/open-loop.js';
import type { Work } from '../result/bench-case.js';
import type { RunFigures } from './protocol.js';

/** A piece of work with its connections, in the generator. */
export interface Job {
  open(): Promise<void>;
  run(
    seconds: number,
    requests: number | undefined,
    every: number | undefined,
    progress: (requests: number) => void,
  ): Promise<RunFigures>;
  close(): void;
}

/** The job for a kind of work. */
export function jobFor(target: LoadTarget, work: Work): Job {
  switch (work.kind) {
    case 'closed':
      return closedJob(target, work);
    case 'open':
      return new OpenLoop(target, work);
    case 'bulk':
      return bulkJob(target, work.connections);
    case 'idle':
      return new IdleHolder(target, work);
  }
}

function closedJob(target: LoadTarget, work: Extract<Work, { kind: 'closed' }>): Job {
  const { connections, keepAlive, requestBytes, responseBytes } = work;
  const loop = new ClosedLoop({ target, connections, keepAlive, requestBytes, responseBytes });
  return {
    open: () => loop.open(),
    async run(seconds, requests, every, progress) {
      // A number of requests has no time limit but the one of each request.
      const length = {
        seconds: requests === undefined ? seconds : Number.POSITIVE_INFINITY,
        requests: requests ?? Number.POSITIVE_INFINITY,
      };
      return figuresOf(await loop.run(length, every, progress));
    },
    close: () => loop.close(),
  };
}

function figuresOf(figures: LoopFigures): RunFigures {
  const { requests, durationS, failures, connects, bytes, latencyUs } = figures;
  return {
    requests,
    durationS,
    errors: failures.counts,
    examples: failures.examples,
    connects,
    bytes,
    latencyUs: latencyUs.sparse(),
    latenessUs: undefined,
  };
}

function bulkJob(target: LoadTarget, connections: number): Job {
  const reader = new BulkReader(target, connections);
  return {
    open: () => reader.open(),
    async run(seconds) {
      const { failures, durationS, connects, receivedBytes } = await reader.run(seconds);
      return {
        requests: connections,
        durationS,
        errors: failures.counts,
        examples: failures.examples,
        connects,
        bytes: { sent: 0, received: receivedBytes },
        latencyUs: undefined,
        latenessUs: undefined,
      };
    },
    close: () => reader.close(),
  };
}
