import type { RunFigures } from '../agents/protocol.js';
import type { IdleConnections } from '../result/bench-case.js';
import { ClosedLoop, type LoadTarget } from './closed-loop.js';

/** Connections dialled at once: a listen backlog takes them all. */
const batch = 50;

/** Opens connections, sends one request on each, and leaves them open and silent. */
export class IdleHolder {
  readonly #target: LoadTarget;
  readonly #work: IdleConnections;
  readonly #held: ClosedLoop[];

  constructor(target: LoadTarget, work: IdleConnections) {
    this.#target = target;
    this.#work = work;
    this.#held = [];
  }

  async open(): Promise<void> {}

  /** One run opens all of them. */
  async run(): Promise<RunFigures> {
    const { connections, responseBytes } = this.#work;
    const started = performance.now();
    const total: RunFigures = {
      requests: 0,
      durationS: 0,
      errors: {},
      examples: {},
      connects: 0,
      bytes: { sent: 0, received: 0 },
      latencyUs: undefined,
      latenessUs: undefined,
    };
    for (let open = 0; open < connections; open += batch) {
      const size = Math.min(batch, connections - open);
      const loop = new ClosedLoop({
        target: this.#target,
        connections: size,
        keepAlive: true,
        requestBytes: 0,
        responseBytes,
      });
      this.#held.push(loop);
      await loop.open();
      const { requests, failures, connects, bytes } = await loop.run({
        seconds: Number.POSITIVE_INFINITY,
        requests: size,
      });
      total.requests += requests;
      total.connects += size + connects;
      total.bytes.received += bytes.received;
      for (const [reason, count] of Object.entries(failures.counts))
        total.errors[reason] = (total.errors[reason] ?? 0) + count;
      Object.assign(total.examples, failures.examples);
    }
    const lost = total.requests - this.#held.reduce((sum, each) => sum + each.openConnections, 0);
    if (lost > 0) total.errors['connection-lost'] = (total.errors['connection-lost'] ?? 0) + lost;
    total.durationS = (performance.now() - started) / 1000;
    return total;
  }

  close(): void {
    for (const loop of this.#held.splice(0)) loop.close();
  }
}
