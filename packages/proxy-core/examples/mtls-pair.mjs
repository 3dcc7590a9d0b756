// Two proxies with mutual TLS 1.3 between them. Their certificates come from files, and are renewed while they run.
//
//     client ──plain──▶ near ──mTLS──▶ far ──plain──▶ server
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProxy, forward } from '@tulle/proxy-core';

const folder = mkdtempSync(join(tmpdir(), 'mtls-pair-'));
const file = (/** @type {string} */ name) => join(folder, name);

/** @param {string[]} args */
function openssl(...args) {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...key, ...args], { stdio: 'pipe' });
}

/** A certificate with a SPIFFE ID, signed by the CA: as whatever renews them for you would write it. */
function issue(/** @type {string} */ name, /** @type {string} */ id) {
  const constraints = [
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-addext',
    'keyUsage=critical,digitalSignature',
  ];
  const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem')];
  const out = ['-subj', `/CN=${name}`, '-keyout', file(`${name}-key.pem`), '-out', file(`${name}.pem`)];
  openssl(...signer, ...constraints, '-addext', `subjectAltName=URI:${id}`, ...out);
}

openssl('-subj', '/CN=an example CA', '-keyout', file('ca-key.pem'), '-out', file('ca.pem'));
issue('near', 'spiffe://example.org/near');
issue('far', 'spiffe://example.org/far');

const server = http.createServer((_request, response) => response.end('hello'));
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

const files = (/** @type {string} */ name) => ({
  certificateFile: file(`${name}.pem`),
  privateKeyFile: file(`${name}-key.pem`),
  caFile: file('ca.pem'),
});
const farOptions = {
  listen: '127.0.0.1:0',
  to: [`127.0.0.1:${port}`],
  listenTls: { ...files('far'), allowedUris: ['spiffe://example.org/near'] },
};
const far = await createProxy(forward(farOptions));
const farAddress = `127.0.0.1:${far.address().port}`;

/** Who the far side was, as the near side verified it. */
let peer = '';
const near = await createProxy(
  forward({
    listen: '127.0.0.1:0',
    to: [farAddress],
    toTls: { ...files('near'), allowedUris: ['spiffe://example.org/far', 'spiffe://example.org/far/renewed'] },
    accessLog: (entry) => {
      peer = entry.peer;
    },
  }),
);
const ask = async () => {
  peer = '';
  const response = await fetch(`http://127.0.0.1:${near.address().port}/`, { headers: { connection: 'close' } });
  const body = await response.text();
  while (peer === '') await new Promise((resolve) => setTimeout(resolve, 5));
  return `${body} from ${peer}`;
};
console.log(await ask());

// The files change, and the proxy is told to read them again. Open connections go on with what they have; new ones get the new certificate.
issue('far', 'spiffe://example.org/far/renewed');
await far.update(forward({ ...farOptions, listen: farAddress }));
// The near side keeps its connections: a change of its own files has it dial anew.
issue('near', 'spiffe://example.org/near');
await near.update(
  forward({
    listen: `127.0.0.1:${near.address().port}`,
    to: [farAddress],
    toTls: { ...files('near'), allowedUris: ['spiffe://example.org/far/renewed'] },
    accessLog: (entry) => {
      peer = entry.peer;
    },
  }),
);
console.log(await ask());

await near.close();
await far.close();
server.close();
rmSync(folder, { recursive: true });
