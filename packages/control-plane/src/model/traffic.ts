import {
  durationMs,
  type OutlierDetection,
  type ParsedResource,
  type Problem,
  type RetrySettings,
  type TargetRef,
  type TrafficPolicy,
} from '@tulle/api';
import { type Collected, keyOf } from './collect.js';
import type { OutlierSettings, TrafficRetries, TrafficSettings } from './model.js';
import { missingPort, missingService } from './reference.js';
import type { ServiceGraph } from './services.js';

/** Gives each port of a Service what the TrafficPolicy for it says: one for that very port before one for all ports. */
export function applyTraffic(collected: Collected, graph: ServiceGraph): Problem[] {
  const problems: Problem[] = [];
  const targets = new Map<string, { policy: string; settings: TrafficSettings }>();
  for (const parsed of collected.trafficPolicies) {
    const settings = settingsOf(parsed.resource);
    const policy = keyOf(parsed.resource);
    for (const [index, ref] of parsed.resource.spec.targetRefs.entries()) {
      const problem = checkTarget(parsed, ref, index, graph);
      const target = targetKey(parsed.resource.metadata.namespace, ref.name, ref.port);
      const other = targets.get(target);
      if (problem !== undefined) problems.push(problem);
      else if (other !== undefined) {
        const message = `TrafficPolicy ${other.policy} is for the same target`;
        problems.push(parsed.problemAt(['spec', 'targetRefs', index], message, 'Merge the two, or remove one target.'));
      } else targets.set(target, { policy, settings });
    }
  }
  for (const service of graph.services) {
    const forAll = targets.get(targetKey(service.namespace, service.name, undefined));
    for (const port of service.ports) {
      const own = targets.get(targetKey(service.namespace, service.name, port.port));
      port.traffic = (own ?? forAll)?.settings ?? {};
    }
  }
  return problems;
}

function targetKey(namespace: string, service: string, port: number | undefined): string {
  return `${namespace}/${service}:${port ?? '*'}`;
}

function checkTarget(
  parsed: ParsedResource<TrafficPolicy>,
  ref: TargetRef,
  index: number,
  graph: ServiceGraph,
): Problem | undefined {
  const { namespace } = parsed.resource.metadata;
  const path = ['spec', 'targetRefs', index];
  const service = graph.byKey.get(`${namespace}/${ref.name}`);
  if (service === undefined) return missingService(parsed, [...path, 'name'], namespace, ref.name, graph);
  const ports = service.ports.filter((port) => ref.port === undefined || ref.port === port.port);
  if (ports.length === 0 && ref.port !== undefined) return missingPort(parsed, [...path, 'port'], service);
  const areOpaque = ports.every(({ protocol }) => protocol !== 'http' && protocol !== 'auto');
  if (parsed.resource.spec.hashOn?.header !== undefined && areOpaque) {
    const message = `what goes to Service ${namespace}/${ref.name} is not read as HTTP, so no header is known of it`;
    return parsed.problemAt(['spec', 'hashOn', 'header'], message, 'Write hashOn: {sourceAddress: true}.');
  }
  return undefined;
}

function settingsOf({ spec }: TrafficPolicy): TrafficSettings {
  const { timeouts, retries, circuitBreaker, loadBalancer, hashOn, outlierDetection } = spec;
  return {
    requestTimeoutMs: ms(timeouts.request),
    connectTimeoutMs: ms(timeouts.connect),
    idleTimeoutMs: ms(timeouts.idle),
    retries: retries && retriesOf(retries),
    ...circuitBreaker,
    loadBalancer,
    hashOn,
    outlierDetection: outlierDetection && outliersOf(outlierDetection),
  };
}

function retriesOf({ attempts, on, perTryTimeout, backOff, budget }: RetrySettings): TrafficRetries {
  return {
    attempts,
    on,
    perTryTimeoutMs: ms(perTryTimeout),
    backOff: backOff && {
      baseIntervalMs: durationMs(backOff.baseInterval),
      maxIntervalMs: ms(backOff.maxInterval),
    },
    budget,
  };
}

function outliersOf(policy: OutlierDetection): OutlierSettings {
  const { interval, baseEjectionTime, maxEjectionTime, ...counts } = policy;
  return {
    ...counts,
    intervalMs: durationMs(interval),
    baseEjectionTimeMs: durationMs(baseEjectionTime),
    maxEjectionTimeMs: durationMs(maxEjectionTime),
  };
}

function ms(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text);
}
