/** The sidecar's own series beside those of its proxy, as Prometheus text (exposition format 0.0.4). Pure. */
export interface SidecarFigures {
  readonly isConnected: boolean;
  /** Milliseconds since the epoch; undefined: never. */
  readonly lastUpdateMs: number | undefined;
  readonly updates: number;
  readonly refusals: number;
  readonly failedUpdates: number;
  readonly certificateNotAfterMs: number | undefined;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

export function renderSidecarMetrics(figures: SidecarFigures): string {
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
  return [
    series('tulle_xds_connected', 'gauge', '1 while the control plane is connected.', figures.isConnected ? 1 : 0),
    series(
      'tulle_config_last_update_timestamp_seconds',
      'gauge',
      'When the proxy last took a configuration.',
      seconds(figures.lastUpdateMs),
    ),
    series('tulle_config_updates_total', 'counter', 'Configurations that the proxy took.', figures.updates),
    series(
      'tulle_config_failures_total',
      'counter',
      'Configurations that the proxy could not take.',
      figures.failedUpdates,
    ),
    series('tulle_xds_refused_resources_total', 'counter', 'Resources that were not understood.', figures.refusals),
    series(
      'tulle_certificate_expiry_timestamp_seconds',
      'gauge',
      'When the certificate in force ends.',
      seconds(figures.certificateNotAfterMs),
    ),
    series('process_resident_memory_bytes', 'gauge', 'Resident memory of the sidecar.', figures.residentBytes),
    series('process_cpu_seconds_total', 'counter', 'User and system time of the sidecar.', figures.cpuSeconds),
  ].join('');
}

function series(name: string, kind: 'gauge' | 'counter', help: string, value: number | undefined): string {
  if (value === undefined) return '';
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`;
}
