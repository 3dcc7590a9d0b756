import type { RunFigures } from '../agents/protocol.js';
import { maxLatenessP99Us, requestTimeoutMs } from '../limits.js';
import type { OpenLoop as OpenWork } from '../result/bench-case.js';
import type { LoadTarget } from './closed-loop.js';
import { generateLoad } from './generate.js';

/** The open-loop generator as a piece of work: each run opens its connections before the first request is due. */
export class OpenLoop {
  readonly #target: LoadTarget;
  readonly #work: OpenWork;

  constructor(target: LoadTarget, work: OpenWork) {
    this.#target = target;
    this.#work = work;
  }

  async open(): Promise<void> {}

  async run(seconds: number, requests: number | undefined): Promise<RunFigures> {
    const { rate, arrivals, burst, connections, requestBytes, responseBytes } = this.#work;
    const { host, port } = this.#target;
    const result = await generateLoad({
      url: 'http://bench.test/',
      connectTo: { host, port },
      rate,
      schedule: arrivals,
      burst,
      seed: 1,
      connections,
      durationS: requests === undefined ? seconds : Number.POSITIVE_INFINITY,
      warmupS: 0,
      requests: requests ?? Number.POSITIVE_INFINITY,
      method: requestBytes === 0 ? 'GET' : 'POST',
      headers: [],
      body: requestBytes === 0 ? undefined : { size: { min: requestBytes, max: requestBytes }, mode: 'length' },
      expectStatus: 200,
      expectBytes: responseBytes,
      verifyHash: requestBytes === 0,
      requestTimeoutMs,
      maxLatenessP99Us,
    });
    return {
      requests: result.requests.answered,
      durationS: result.elapsedS,
      errors: result.errors,
      examples: result.examples,
      connects: result.connects,
      bytes: result.bytes,
      latencyUs: result.histograms.latencyUs,
      latenessUs: result.histograms.latenessUs,
    };
  }

  close(): void {}
}
