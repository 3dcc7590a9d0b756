import { isDeepStrictEqual } from 'node:util';
import type { BenchResult } from '../result/bench-result.js';

/** Two results cannot be compared: what differs, one line each. */
export class NotComparable extends Error {
  override readonly name = 'NotComparable';
}

/**
 * Whether two runs were made on the same machine under the same conditions. Pure.
 * @returns what differs without forbidding the comparison, one sentence each.
 * @throws NotComparable with everything that does: figures of different machines, kernels or nodes say nothing about the code.
 */
export function checkComparable(base: BenchResult, head: BenchResult): string[] {
  const [a, b] = [base.run, head.run];
  const facts: [name: string, base: unknown, head: unknown][] = [
    ['machine', a.machine.fingerprint, b.machine.fingerprint],
    ['CPU', a.machine.cpuModel, b.machine.cpuModel],
    ['number of CPUs', a.machine.cpus, b.machine.cpus],
    ['architecture', a.machine.architecture, b.machine.architecture],
    ['kernel', a.machine.kernel, b.machine.kernel],
    ['mitigations', a.machine.mitigations, b.machine.mitigations],
    ['frequency governor', a.machine.governor, b.machine.governor],
    ['clock source', a.machine.clocksource, b.machine.clocksource],
    ['Node', a.node.version, b.node.version],
    ['topology', a.topology, b.topology],
  ];
  const differing = facts.filter(([, one, other]) => !isDeepStrictEqual(one, other));
  if (differing.length > 0) {
    const lines = differing.map(([name, one, other]) => `  ${name}: ${text(one)} against ${text(other)}`);
    throw new NotComparable(
      `these were not measured under the same conditions, so their figures cannot be compared:\n${lines.join('\n')}\nmeasure both on one machine, or compare the two revisions: that measures them in turns`,
    );
  }
  const unlike: string[] = [];
  if (a.machine.memoryBytes !== b.machine.memoryBytes) unlike.push('the memory of the machine differs');
  if (Math.abs(a.machine.load1 - b.machine.load1) > 1) {
    unlike.push(`the machine was not equally busy at the start: load ${a.machine.load1} and ${b.machine.load1}`);
  }
  for (const [name, run] of [
    ['base', a],
    ['head', b],
  ] as const) {
    if (run.partial) unlike.push(`the ${name} was interrupted`);
  }
  return unlike;
}

/** Cases in both that are the same work: names of the others with the reason. Pure. */
export function commonCases(base: BenchResult, head: BenchResult): { names: string[]; leftOut: string[] } {
  const names: string[] = [];
  const leftOut: string[] = [];
  for (const { definition } of base.cases) {
    const other = head.cases.find((each) => each.definition.name === definition.name);
    if (other === undefined) leftOut.push(`${definition.name} is not in the head`);
    else if (
      !isDeepStrictEqual(
        { ...definition, goals: [], rounds: sizes(definition.rounds) },
        { ...other.definition, goals: [], rounds: sizes(other.definition.rounds) },
      )
    ) {
      leftOut.push(`${definition.name} is defined differently`);
    } else names.push(definition.name);
  }
  for (const { definition } of head.cases) {
    if (base.cases.every((each) => each.definition.name !== definition.name))
      leftOut.push(`${definition.name} is not in the base`);
  }
  return { names, leftOut };
}

/** What makes rounds alike; how many of them there are does not. */
function sizes(rounds: BenchResult['cases'][number]['definition']['rounds']): unknown {
  const { seconds, requests, warmupRequests, settleSeconds } = rounds;
  return { seconds, requests, warmupRequests, settleSeconds };
}

function text(value: unknown): string {
  return value === undefined ? 'unknown' : typeof value === 'string' ? value : JSON.stringify(value);
}
