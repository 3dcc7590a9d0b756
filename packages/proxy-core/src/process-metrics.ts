/** What Prometheus clients tell about the process that they are in, and which build it is: read when it is asked for, on the main thread. */
import { readFileSync } from 'node:fs';
import type { EngineName } from './engine.js';

let version: string | undefined;

/** Exposition text, to stand behind the series of the data threads. Names as the client libraries have them. */
export function processMetrics(engine: EngineName): string {
  version ??= (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;
  const { user, system } = process.cpuUsage();
  const build = `version="${version}",engine="${engine}",node="${process.versions.node}"`;
  return (
    family('tulle_build_info', 'gauge', 'Constant 1; its labels say what runs.', `{${build}} 1`) +
    family('process_cpu_seconds_total', 'counter', 'User and system CPU time.', ` ${(user + system) / 1e6}`) +
    family('process_resident_memory_bytes', 'gauge', 'Resident memory.', ` ${process.memoryUsage.rss()}`) +
    family(
      'process_start_time_seconds',
      'gauge',
      'Start of the process since 1970.',
      ` ${Math.round(performance.timeOrigin) / 1000}`,
    )
  );
}

function family(name: string, type: 'counter' | 'gauge', help: string, sample: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${sample}\n`;
}
