import type { XdsType } from '@tulle/xds';
import fc from 'fast-check';
import t from 'tap';
import type { StreamResponse } from '../../src/serve/stream-state.js';
import { StreamState } from '../../src/serve/stream-state.js';
import { type Content, contentOf, snapshotOf } from './stream-client.js';

const CLUSTERS = ['a', 'b', 'c', 'd'];

/** Route `r` and listener `l` each use a cluster; all clusters that are used exist, and perhaps others. */
const consistent: fc.Arbitrary<Content> = fc
  .record({
    route: fc.constantFrom(...CLUSTERS),
    listener: fc.constantFrom(...CLUSTERS),
    others: fc.subarray(CLUSTERS),
    revision: fc.integer({ min: 1, max: 3 }).map(String),
  })
  .map(({ route, listener, others, revision }) => {
    const clusters = Object.fromEntries([route, listener, ...others].map((name) => [name, revision]));
    return { cds: clusters, eds: clusters, lds: { l: listener }, rds: { r: route } };
  });

type Step = { do: 'snapshot'; content: Content } | { do: 'deliver' } | { do: 'answer' } | { do: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  consistent.map((content): Step => ({ do: 'snapshot', content })),
  fc.constant<Step>({ do: 'deliver' }),
  fc.constant<Step>({ do: 'answer' }),
  fc.integer({ min: 0, max: 40 }).map((ms): Step => ({ do: 'wait', ms })),
);

/** A sidecar on a link that delays both ways: it takes what it is sent, and asks for the endpoints of each cluster. */
class Sidecar {
  readonly state: StreamState = new StreamState();
  readonly has: Record<XdsType, Record<string, string>> = { cds: {}, eds: {}, sds: {}, lds: {}, rds: {} };
  readonly broken: string[] = [];
  readonly nonces: Set<string> = new Set();
  private readonly toSidecar: StreamResponse[] = [];
  private readonly toServer: (() => void)[] = [];
  private readonly nonceOf: Partial<Record<XdsType, string>> = {};
  now = 0;

  constructor() {
    for (const type of ['cds', 'eds', 'lds', 'rds'] as const) this.request(type);
  }

  private request(type: XdsType): void {
    const names = type === 'eds' ? Object.keys(this.has.cds) : type === 'rds' ? ['r'] : [];
    const nonce = this.nonceOf[type] ?? '';
    this.toServer.push(() => this.state.onRequest({ type, names, nonce, error: undefined }));
  }

  poll(): void {
    for (const response of this.state.poll(this.now).responses) {
      if (this.nonces.has(response.nonce)) this.broken.push(`nonce ${response.nonce} twice`);
      this.nonces.add(response.nonce);
      this.toSidecar.push(response);
    }
  }

  answer(): boolean {
    const request = this.toServer.shift();
    request?.();
    return request !== undefined;
  }

  deliver(): boolean {
    const response = this.toSidecar.shift();
    if (response === undefined) return false;
    this.nonceOf[response.type] = response.nonce;
    const content = contentOf(response);
    // A response with endpoints leaves out what does not exist: it removes nothing.
    this.has[response.type] = response.type === 'eds' ? { ...this.has.eds, ...content } : content;
    this.request(response.type);
    if (response.type === 'cds') this.request('eds');
    this.check();
    return true;
  }

  private check(): void {
    for (const [type, name] of [
      ['lds', 'l'],
      ['rds', 'r'],
    ] as const) {
      const cluster = this.has[type][name];
      if (cluster === undefined) continue;
      if (!(cluster in this.has.cds)) this.broken.push(`${type} uses cluster ${cluster}, which is gone`);
      else if (!(cluster in this.has.eds))
        this.broken.push(`${type} uses cluster ${cluster}, whose endpoints are not there`);
    }
  }

  /** Lets everything in flight arrive. */
  settle(): void {
    for (let round = 0; round < 100; round++) {
      this.poll();
      const moved = [this.answer(), this.deliver()];
      if (!moved.includes(true)) return;
    }
    this.broken.push('does not come to rest');
  }
}

t.test(
  'however a stream goes, no route or listener ever misses its cluster, and in the end the sidecar has it all',
  async (t) => {
    const property = fc.property(consistent, fc.array(step, { maxLength: 60 }), (initial, steps) => {
      const sidecar = new Sidecar();
      let last = initial;
      sidecar.state.setSnapshot(snapshotOf(initial));
      // At the start nothing carries traffic yet: all is asked for at once, and sent at once.
      sidecar.settle();
      sidecar.broken.length = 0;
      for (const step of steps) {
        if (step.do === 'snapshot') {
          last = step.content;
          sidecar.state.setSnapshot(snapshotOf(last));
        } else if (step.do === 'wait') {
          sidecar.now += step.ms; // 60 steps of 40 ms at most: not beyond what the machine waits for.
        } else if (step.do === 'deliver') {
          sidecar.deliver();
        } else {
          sidecar.answer();
        }
        sidecar.poll();
      }
      sidecar.settle();
      const problems = [...sidecar.broken];
      for (const type of ['cds', 'lds', 'rds'] as const) {
        if (
          JSON.stringify(Object.entries(sidecar.has[type]).sort()) !==
          JSON.stringify(Object.entries(last[type] ?? {}).sort())
        ) {
          problems.push(`${type} is ${JSON.stringify(sidecar.has[type])} instead of ${JSON.stringify(last[type])}`);
        }
      }
      for (const [name, text] of Object.entries(last.eds ?? {})) {
        if (sidecar.has.eds[name] !== text) problems.push(`eds ${name} is ${sidecar.has.eds[name]} instead of ${text}`);
      }
      if (problems.length > 0) throw new Error(problems.join('; '));
    });
    fc.assert(property, { numRuns: 2000 });
    t.pass();
  },
);
