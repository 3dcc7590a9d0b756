import { peersFolder } from './find-program.js';
import { installPeers } from './install.js';
import { directName, systemsOf } from './registry.js';
import { isMissing, type System } from './system.js';

/** `tulle bench peers`. */
export interface PeersOptions {
  install: boolean;
  /** Path of Tulle's `main.js`. */
  program: string;
  output: 'text' | 'json';
}

interface PeerState {
  name: string;
  title: string;
  found: boolean;
  /** Why not, and the command that gets it. */
  reason: string;
}

/** Lists what can be measured, after installing what is missing if that was asked for. Resolves to 0; 1 when an installation failed. */
export function runPeers(options: PeersOptions): number {
  const steps = options.install ? installPeers((line) => process.stderr.write(`${line}\n`)) : [];
  const failures = steps.filter((each) => each.failure !== undefined);
  for (const { what, failure } of failures) process.stderr.write(`tulle bench peers: ${what}: ${failure}\n`);
  const states = systemsOf(options.program, []).map(stateOf);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ folder: peersFolder(), peers: states })}\n`);
  else process.stdout.write(renderPeers(states));
  return failures.length === 0 ? 0 : 1;
}

function stateOf(system: System): PeerState {
  const found = system.find();
  if (isMissing(found)) {
    return { name: system.name, title: '', found: false, reason: `${found.reason}; to install it: ${found.install}` };
  }
  return { name: system.name, title: found.title, found: true, reason: '' };
}

function renderPeers(states: readonly PeerState[]): string {
  const width = Math.max(...states.map((each) => each.name.length));
  const lines = states.map(
    ({ name, title, found, reason }) => `${name.padEnd(width)}  ${found ? title : `missing: ${reason}`}`,
  );
  return `${[`${directName.padEnd(width)}  no proxy`, ...lines].join('\n')}\n`;
}
