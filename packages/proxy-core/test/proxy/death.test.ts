import { spawnSync } from 'node:child_process';
import t from 'tap';
import { engines } from './fixture.js';

const program = (options: string): string => `
import worker from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
let thread;
worker.Worker = class extends worker.Worker {
  constructor(...args) { super(...args); thread = this; }
};
syncBuiltinESMExports();
const { createProxy, forward } = await import('@tulle/proxy-core');
await createProxy(forward({ listen: '127.0.0.1:0', to: ['127.0.0.1:9'] }), ${options});
thread.emit('error', new Error('the impossible has happened'));
`;

function run(options: string): { status: number | null; stderr: string } {
  const args = ['--input-type=module', '--eval', program(options)];
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stderr };
}

const skip = engines.includes('linux') ? false : 'only the linux engine has threads of its own';

t.test('a data thread that dies ends the process, since nobody serves its sockets', { skip }, async (t) => {
  const { status, stderr } = run("{ engine: 'linux' }");
  t.not(status, 0);
  t.match(stderr, /a data thread of the proxy has died/);
  t.match(stderr, /the impossible has happened/);
});

t.test('whoever asks to be told decides', { skip }, async (t) => {
  const { status, stderr } = run(
    "{ engine: 'linux', onDeath: (error) => { console.error('told', error.message); process.exit(7); } }",
  );
  t.equal(status, 7);
  t.match(stderr, /told the impossible has happened/);
});
