import type { MachineInfo, Pinning, RunInfo, SystemInfo } from '../result/bench-result.js';
import { folded, list, paragraph, preformatted, tableMarkup } from './page.js';

/** What a reader needs who doubts a figure: the machine, the commands, the configuration of every program. Markup, the same on both pages. */

export function machineMarkup(machine: MachineInfo, node: RunInfo['node']): string {
  const rows = [
    ['CPU', `${machine.cpuModel}, ${machine.cpus} of them`],
    ['memory', `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['kernel', `${machine.kernel}, ${machine.architecture}`],
    ['Node', `${node.version}, V8 ${node.v8}, OpenSSL ${node.openssl}`],
    ['frequency governor', machine.governor ?? 'none that the kernel knows of'],
    ['clock source', machine.clocksource ?? 'unknown'],
    ['load when it began', machine.load1.toFixed(2)],
  ];
  const mitigations = Object.entries(machine.mitigations).map(([name, state]) => [name, state]);
  return [
    tableMarkup(['machine', ''], rows, [1]),
    mitigations.length === 0 ? '' : folded('Mitigations', tableMarkup(['vulnerability', 'state'], mitigations, [1])),
  ].join('\n');
}

export function pinningText({ proxies, generator, server, nice, realtime }: Pinning): string {
  const on = (cpus: string | undefined): string => (cpus === undefined ? 'any CPU' : `CPU ${cpus}`);
  return `Proxies on ${on(proxies)}, generator on ${on(generator)}, server on ${on(server)}, ${realtime ? 'in the real-time class' : `niceness ${nice}`}.`;
}

export function systemsMarkup(systems: readonly SystemInfo[]): string {
  return systems
    .filter(({ commands, notes }) => commands.length > 0 || notes.length > 0)
    .map(({ name, title, commands, files, notes }) =>
      folded(
        `${name}: ${title}`,
        list(notes),
        commands.length === 0 ? '' : preformatted(commands.map((each) => each.join(' ')).join('\n')),
        ...files.map((file) => `${paragraph(file.name, 'soft')}${preformatted(file.text)}`),
      ),
    )
    .join('\n');
}
