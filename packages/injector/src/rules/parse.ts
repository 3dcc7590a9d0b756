import { MAX_EXCLUSIONS_OF_A_KIND } from '../limits.js';
import { type Cidr, parseCidr } from './cidr.js';
import { JsonSyntaxError, readJson } from './json.js';
import {
  DEFAULT_INBOUND_PORT,
  DEFAULT_OUTBOUND_PORT,
  DEFAULT_SIDECAR_PORTS,
  type Exclusions,
  type InterceptionRules,
  type ProxyTraffic,
  type SidecarPorts,
} from './value.js';

/** One thing wrong with the rules: where (`exclude.inboundPorts[2]`), what, and what to do. */
export interface RulesProblem {
  readonly place: string;
  readonly message: string;
  readonly remedy: string;
}

/** The rules are not valid; `problems` lists everything that is wrong, in the order of the fields. */
export class InterceptionRulesError extends Error {
  readonly problems: readonly RulesProblem[];
  constructor(problems: readonly RulesProblem[]) {
    super(problems.map((p) => `${p.place}: ${p.message}; ${p.remedy}`).join('\n'));
    this.name = 'InterceptionRulesError';
    this.problems = problems;
  }
}

/** Reads rules from JSON text. Throws InterceptionRulesError; a syntax error has its line and column as place. */
export function parseInterceptionRules(text: string): InterceptionRules {
  return interceptionRules(readRulesJson(text));
}

/** Checks a value of the rules' JSON shape, fills in the defaults and freezes it. Throws InterceptionRulesError. */
export function interceptionRules(value: unknown): InterceptionRules {
  const reader = new Reader();
  const root = reader.object(value, 'rules', ['outboundPort', 'inboundPort', 'proxy', 'sidecarPorts', 'exclude']);
  const { outboundPort: out = DEFAULT_OUTBOUND_PORT, inboundPort: into = DEFAULT_INBOUND_PORT } = root;
  const outboundPort = reader.port(out, 'outboundPort');
  const inboundPort = reader.port(into, 'inboundPort');
  if (out === into) {
    reader.problem('inboundPort', `${into} is the outbound port too`, 'give each direction a port of its own');
  }
  const proxy = proxyTraffic(reader, root.proxy);
  const sidecarPorts = sidecarPortsOf(reader, root.sidecarPorts);
  const exclude = exclusions(reader, root.exclude);
  reader.finish();
  return Object.freeze({ outboundPort, inboundPort, proxy, sidecarPorts, exclude });
}

/** The JSON shape again: what `interceptionRules` reads back as the same value. */
export function interceptionRulesJson(rules: InterceptionRules): unknown {
  const outboundCidrs = rules.exclude.outboundCidrs.map((cidr) => cidr.text);
  return { ...rules, exclude: { ...rules.exclude, outboundCidrs } };
}

function sidecarPortsOf(reader: Reader, value: unknown = {}): SidecarPorts {
  const ports = reader.object(value, 'sidecarPorts', ['admin', 'metrics', 'health']);
  const { admin, metrics, health } = { ...DEFAULT_SIDECAR_PORTS, ...ports };
  return Object.freeze({
    admin: reader.port(admin, 'sidecarPorts.admin'),
    metrics: reader.port(metrics, 'sidecarPorts.metrics'),
    health: reader.port(health, 'sidecarPorts.health'),
  });
}

function exclusions(reader: Reader, value: unknown = {}): Exclusions {
  const lists = reader.object(value, 'exclude', ['inboundPorts', 'outboundPorts', 'outboundCidrs', 'uids']);
  const port = (item: unknown, place: string) => reader.port(item, place);
  const cidr = (item: unknown, place: string) => reader.cidr(item, place);
  const uid = (item: unknown, place: string) => reader.uint32(item, place, 'a user id');
  return Object.freeze({
    inboundPorts: sorted(reader.list(lists.inboundPorts, 'exclude.inboundPorts', port)),
    outboundPorts: sorted(reader.list(lists.outboundPorts, 'exclude.outboundPorts', port)),
    outboundCidrs: distinct(reader.list(lists.outboundCidrs, 'exclude.outboundCidrs', cidr)),
    uids: sorted(reader.list(lists.uids, 'exclude.uids', uid)),
  });
}

function proxyTraffic(reader: Reader, value: unknown): ProxyTraffic {
  const remedy = 'write {"uid": 1337}, or {"mark": 1337} where only one user id exists';
  if (value === undefined) {
    // No default: a wrong guess sends the proxy's own connections back to the proxy, for ever.
    reader.problem('proxy', 'is missing', remedy);
    return {};
  }
  const proxy = reader.object(value, 'proxy', ['uid', 'mark']);
  const uid = proxy.uid === undefined ? undefined : reader.uint32(proxy.uid, 'proxy.uid', 'a user id');
  const mark = proxy.mark === undefined ? undefined : reader.uint32(proxy.mark, 'proxy.mark', 'a socket mark');
  if (proxy.uid === undefined && proxy.mark === undefined)
    reader.problem('proxy', 'names neither uid nor mark', remedy);
  if (proxy.uid === 0) {
    reader.problem('proxy.uid', '0 would exempt every process of the pod that runs as root', 'run the proxy as 1337');
  }
  if (proxy.mark === 0) reader.problem('proxy.mark', '0 is the mark of every socket that has none', 'use 1337');
  return Object.freeze({ ...(uid === undefined ? {} : { uid }), ...(mark === undefined ? {} : { mark }) });
}

/** Reads typed values out of unknown ones and collects what is wrong; what it returns counts only if `finish` is silent. */
class Reader {
  private readonly problems: RulesProblem[] = [];

  problem(place: string, message: string, remedy: string): void {
    this.problems.push({ place, message, remedy });
  }

  finish(): void {
    if (this.problems.length > 0) throw new InterceptionRulesError(this.problems);
  }

  object(value: unknown, place: string, keys: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.problem(place, `is ${kindOf(value)}, not an object`, `write an object with the keys ${keys.join(', ')}`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (keys.includes(key)) continue;
      const at = place === 'rules' ? key : `${place}.${key}`;
      this.problem(at, 'is not a known key', `known here: ${keys.join(', ')}`);
    }
    return value as Record<string, unknown>;
  }

  list<T>(value: unknown, place: string, read: (item: unknown, place: string) => T | undefined): T[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problem(place, `is ${kindOf(value)}, not a list`, 'write a list in brackets');
      return [];
    }
    if (value.length > MAX_EXCLUSIONS_OF_A_KIND) {
      const remedy = `at most ${MAX_EXCLUSIONS_OF_A_KIND} fit; merge entries, or do not inject the pod`;
      this.problem(place, `has ${value.length} entries`, remedy);
      return [];
    }
    return value.map((item, i) => read(item, `${place}[${i}]`)).filter((item) => item !== undefined);
  }

  port(value: unknown, place: string): number {
    return this.integer(value, place, 'a port', 1, 65_535);
  }

  /** 2^32 - 1 is excluded: as a uid it means "no user" (setreuid(2)), and nothing needs it as a mark. */
  uint32(value: unknown, place: string, what: string): number {
    return this.integer(value, place, what, 0, 0xffff_fffe);
  }

  cidr(value: unknown, place: string): Cidr | undefined {
    if (typeof value !== 'string') {
      this.problem(place, `is ${kindOf(value)}, not a network`, 'write ADDRESS/PREFIX in quotes');
      return undefined;
    }
    const cidr = parseCidr(value);
    if ('family' in cidr) return cidr;
    this.problem(place, cidr.message, cidr.remedy);
    return undefined;
  }

  private integer(value: unknown, place: string, what: string, min: number, max: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const is = typeof value === 'number' ? String(value) : kindOf(value);
    this.problem(place, `is ${is}, not ${what}`, `write a whole number from ${min} to ${max}`);
    return min;
  }
}

function sorted(numbers: readonly number[]): readonly number[] {
  return Object.freeze([...new Set(numbers)].sort((a, b) => a - b));
}

function distinct(cidrs: readonly Cidr[]): readonly Cidr[] {
  return Object.freeze([...new Map(cidrs.map((cidr) => [cidr.text, cidr])).values()]);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function readRulesJson(text: string): unknown {
  try {
    return readJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const place = `line ${error.line} column ${error.column}`;
    throw new InterceptionRulesError([
      { place, message: `no JSON: ${error.message}`, remedy: 'write one JSON object' },
    ]);
  }
}
