// Stands in for the `tulle` program where the testbed itself is tested: it is started as the real one is, checks that it
// finds what it is promised, and answers on the ports it is given.
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [command, ...args] = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const serve = (address, answers) => {
  const [host, port] = address.split(':');
  createServer((request, response) => {
    const body = answers[request.url];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  }).listen(Number(port), host);
};
process.on('SIGTERM', () => process.exit(0));

if (command === 'control-plane') {
  writeFileSync(join(option('--state'), 'root-cert.pem'), 'root\n');
  accessSync(option('--token-jwks'));
  const problems = [
    { file: 'routes.yaml', line: 3, column: 5, path: 'spec', message: 'no such Service', remedy: 'Name one.' },
  ];
  const folders = args.filter((_, i) => args[i - 1] === '--config');
  const config = {
    generation: 1,
    problems: folders.some((folder) => existsSync(join(folder, 'problem'))) ? problems : [],
  };
  serve(option('--admin'), { '/ready': 'ok', '/debug/config': JSON.stringify(config) });
  console.log('control-plane ready');
} else if (command === 'sidecar') {
  const bootstrap = JSON.parse(readFileSync(option('--bootstrap'), 'utf8'));
  if (bootstrap.node.pod === 'doomed') {
    console.error('no certificate');
    // Not by exit: the hooks of a test runner above us would write to our log.
    process.kill(process.pid, 'SIGKILL');
  }
  readFileSync(bootstrap.controlPlane.rootCaFile);
  const claims = JSON.parse(Buffer.from(readFileSync(bootstrap.tokenFile, 'utf8').split('.')[1], 'base64url'));
  accessSync(bootstrap.stateDir, constants.W_OK);
  writeFileSync(bootstrap.accessLog, '{"path":"/"}\n', { flag: 'a' });
  console.log(JSON.stringify({ uid: process.getuid(), sub: claims.sub, interception: bootstrap.interception }));
  serve(bootstrap.health, { '/ready': 'ok' });
  if (bootstrap.outboundProxy !== null)
    serve(bootstrap.outboundProxy, { '/': 'sidecar', 'http://server/': 'through the sidecar' });
} else if (command === 'interception') {
  const rules = JSON.parse(readFileSync(option('--rules') === '-' ? 0 : option('--rules'), 'utf8'));
  console.log(JSON.stringify(rules));
} else {
  console.error(`unknown command ${command}`);
  process.exit(2);
}
