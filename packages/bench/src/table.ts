// The table of what the mesh costs: direct and through the mesh, side by side. Pure: figures in, text out.

/** Latency in µs, as `LoadResult.latencyUs` has it. */
export interface PathLatency {
  p50: number;
  p99: number;
  p999: number;
}

/** A figure for each sidecar of the pair. */
export interface PerSidecar {
  client: number;
  server: number;
}

/** One way from client to server, measured. */
export interface PathMeasurement {
  name: string;
  latencyUs: PathLatency;
  /** Reasons for which the run does not count; empty when it does. */
  invalid: readonly string[];
  /** CPU of the sidecars per request in µs, user and system; undefined where there is no sidecar or nobody measured. */
  cpuUsPerRequest?: PerSidecar;
  /** Resident memory of the sidecars in bytes. */
  rssBytes?: PerSidecar;
}

/** What the rendering needs, worked out once; this is also the JSON form. */
export interface OverheadTable {
  schema: 'tulle.dev/bench-overhead/v1';
  rows: OverheadRow[];
}

export interface OverheadRow {
  name: string;
  valid: boolean;
  invalid: readonly string[];
  latencyUs: PathLatency;
  /** Over the first row, in µs; undefined for the first row and where either run is invalid. */
  addedUs: PathLatency | undefined;
  /** Times the first row; undefined as above. */
  ratio: PathLatency | undefined;
  cpuUsPerRequest: (PerSidecar & { sum: number }) | undefined;
  rssBytes: (PerSidecar & { sum: number }) | undefined;
}

/** @param paths the first is what the others are compared with. */
export function overheadTable(paths: readonly PathMeasurement[]): OverheadTable {
  const [base] = paths;
  const rows = paths.map((path): OverheadRow => {
    const comparable = path !== base && path.invalid.length === 0 && base.invalid.length === 0;
    return {
      name: path.name,
      valid: path.invalid.length === 0,
      invalid: path.invalid,
      latencyUs: path.latencyUs,
      addedUs: comparable ? eachPercentile((at) => path.latencyUs[at] - base.latencyUs[at]) : undefined,
      ratio: comparable ? eachPercentile((at) => path.latencyUs[at] / base.latencyUs[at]) : undefined,
      cpuUsPerRequest: withSum(path.cpuUsPerRequest),
      rssBytes: withSum(path.rssBytes),
    };
  });
  return { schema: 'tulle.dev/bench-overhead/v1', rows };
}

function eachPercentile(figure: (at: keyof PathLatency) => number): PathLatency {
  return { p50: figure('p50'), p99: figure('p99'), p999: figure('p999') };
}

function withSum(figures: PerSidecar | undefined): (PerSidecar & { sum: number }) | undefined {
  return figures === undefined ? undefined : { ...figures, sum: figures.client + figures.server };
}

/** Two significant digits and no more: one run on one machine knows nothing of a third. `×1.9`, `×12`, `×130`; `–` where there is none. */
export function ratioText(ratio: number | undefined): string {
  if (ratio === undefined || !Number.isFinite(ratio) || ratio <= 0) return '–';
  const rounded = Number(ratio.toPrecision(2));
  return `×${rounded < 10 ? rounded.toFixed(rounded < 0.1 ? 3 : rounded < 1 ? 2 : 1) : rounded}`;
}

/** Three significant digits of a time in µs, with its unit: `87 µs`, `1.23 ms`. */
export function timeText(us: number): string {
  const size = Math.abs(us);
  if (size >= 999_500) return `${Number((us / 1e6).toPrecision(3))} s`;
  if (size >= 999.5) return `${Number((us / 1000).toPrecision(3))} ms`;
  return `${Number(us.toPrecision(3))} µs`;
}

/** Mebibytes, whole ones from 10 on. */
export function bytesText(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return `${mebibytes < 10 ? mebibytes.toFixed(1) : Math.round(mebibytes)} MiB`;
}

const columns = ['', 'p50', 'p99', 'p99.9', 'added p50', 'added p99', 'CPU a request', 'memory'];

function cells(row: OverheadRow): string[] {
  const { latencyUs, addedUs, ratio, cpuUsPerRequest: cpu, rssBytes: rss } = row;
  const added = (at: 'p50' | 'p99'): string => {
    if (addedUs === undefined) return '–';
    // A negative difference is noise and not a gain; the sign stays, so that nobody takes it for a cost.
    const sign = addedUs[at] < 0 ? '−' : '+';
    return `${sign}${timeText(Math.abs(addedUs[at]))} (${ratioText(ratio?.[at])})`;
  };
  const time = (us: number): string => (row.valid ? timeText(us) : `(${timeText(us)})`);
  return [
    row.valid ? row.name : `${row.name}, invalid`,
    time(latencyUs.p50),
    time(latencyUs.p99),
    time(latencyUs.p999),
    added('p50'),
    added('p99'),
    cpu === undefined
      ? '–'
      : `${Math.round(cpu.client)} + ${Math.round(cpu.server)} = ${Math.round(cpu.client) + Math.round(cpu.server)} µs`,
    rss === undefined ? '–' : `${bytesText(rss.client)} + ${bytesText(rss.server)}`,
  ];
}

const legend = 'CPU and memory: the client’s sidecar + the server’s sidecar.';

/** For a terminal: aligned columns, then the reasons of what is invalid. */
export function renderOverheadText(table: OverheadTable): string {
  const lines = [columns, ...table.rows.map(cells)];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  return `${[...text, ...notes(table)].join('\n')}\n`;
}

/** For a pull request or a page. */
export function renderOverheadMarkdown(table: OverheadTable): string {
  const line = (parts: readonly string[]): string => `| ${parts.map(escapeCell).join(' | ')} |`;
  const rule = `|${columns.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`;
  return `${[line(columns), rule, ...table.rows.map((row) => line(cells(row))), '', ...notes(table)].join('\n')}\n`;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function notes(table: OverheadTable): string[] {
  const hasSidecars = table.rows.some((row) => row.cpuUsPerRequest !== undefined || row.rssBytes !== undefined);
  const reasons = table.rows.flatMap((row) => row.invalid.map((reason) => `${row.name} is no measurement: ${reason}`));
  return [...(hasSidecars ? [legend] : []), ...reasons];
}
