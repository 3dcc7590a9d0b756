import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ServeEvents } from '../serve/events.js';
import type { SourceState } from '../source/source.js';

/** The metrics of a control plane, and the events that move them. */
export interface ControlPlaneMetrics {
  readonly events: ServeEvents;
  /** To be called after each change of the source. */
  configChanged(state: SourceState): void;
  readonly contentType: string;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

export function createMetrics(): ControlPlaneMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const streams = new Gauge({ name: 'tulle_ads_streams', help: 'Open ADS streams.', registers });
  const pushes = new Counter({
    name: 'tulle_ads_responses_total',
    help: 'Discovery responses sent, by resource type.',
    labelNames: ['type'],
    registers,
  });
  const resources = new Counter({
    name: 'tulle_ads_resources_total',
    help: 'Resources in these responses, by type.',
    labelNames: ['type'],
    registers,
  });
  const answers = new Counter({
    name: 'tulle_ads_answers_total',
    help: 'Answers of sidecars, by type: ack, nack, or stale (it crossed with a newer response).',
    labelNames: ['type', 'answer'],
    registers,
  });
  const certificates = new Counter({
    name: 'tulle_certificates_total',
    help: 'Signing requests, by result: ok, or the gRPC status.',
    labelNames: ['result'],
    registers,
  });
  const generation = new Gauge({
    name: 'tulle_config_generation',
    help: 'Generation of the configuration that is served; 0 while there is none.',
    registers,
  });
  const problems = new Gauge({
    name: 'tulle_config_problems',
    help: 'Problems of the configuration as it stands; while there are some, the last good one is served.',
    registers,
  });
  return {
    events: {
      streamOpened: () => streams.inc(),
      streamClosed: () => streams.dec(),
      pushed: (type, count) => {
        pushes.inc({ type });
        resources.inc({ type }, count);
      },
      answered: (type, answer) => answers.inc({ type, answer }),
      certificate: (result) => certificates.inc({ result }),
    },
    configChanged: (state) => {
      generation.set(state.model?.generation ?? 0);
      problems.set(state.problems.length);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
