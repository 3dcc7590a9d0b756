import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProxyPlan, ProxySpec, System } from './system.js';

const notes: string[] = [
  'node:http with a keep-alive agent, bodies piped: what a Node developer writes in twenty lines',
];

/** A proxy of node:http, as a floor: what the runtime's own means give. */
export const nodeHttp: System = {
  name: 'node-http',
  find: () => ({
    title: `node:http ${process.versions.node}`,
    version: process.versions.node,
    unfit: ({ protocol }) => (protocol === 'tcp' ? 'node:http speaks HTTP only' : undefined),
    plan: planOf,
    notes,
  }),
};

function planOf(proxy: ProxySpec): ProxyPlan {
  const program = fileURLToPath(new URL('../agents/node-http-proxy.js', import.meta.url));
  const file = join(proxy.folder, 'proxy.json');
  return {
    files: [{ name: 'proxy.json', text: `${JSON.stringify(proxy, undefined, 2)}\n` }],
    command: [process.execPath, program, file],
  };
}
