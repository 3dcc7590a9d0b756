import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsEnd } from '../systems/system.js';

/** Certificates of a run: P-256, one authority, a client's and a server's with one SPIFFE URI and one DNS name each. */
export interface Certificates {
  /** For the end that listens; it wants to see the client's. */
  server: TlsEnd;
  /** For the end that connects; it wants to see the server's. */
  client: TlsEnd;
}

const names = {
  client: { uri: 'spiffe://bench.test/ns/bench/sa/client', dns: 'client.bench.test' },
  server: { uri: 'spiffe://bench.test/ns/bench/sa/server', dns: 'server.bench.test' },
};

/**
 * Makes them with the `openssl` program in a new folder.
 * @throws with the command that installs openssl where it is missing.
 */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { mode: 0o700 });
  const ca = join(folder, 'ca.pem');
  const caKey = join(folder, 'ca-key.pem');
  openssl([
    ...['req', '-x509', ...newKey(caKey), '-out', ca, '-subj', '/CN=bench', '-days', '2'],
    ...extensions('basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'),
  ]);
  const leaf = (name: 'client' | 'server'): Pick<TlsEnd, 'certificate' | 'key' | 'both'> => {
    const files = {
      certificate: join(folder, `${name}.pem`),
      key: join(folder, `${name}-key.pem`),
      both: join(folder, `${name}-both.pem`),
    };
    openssl([
      ...['req', '-x509', '-CA', ca, '-CAkey', caKey, ...newKey(files.key), '-out', files.certificate],
      ...['-subj', `/CN=${name}`, '-days', '2'],
      ...extensions(
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature',
        'extendedKeyUsage=serverAuth,clientAuth',
        `subjectAltName=URI:${names[name].uri},DNS:${names[name].dns}`,
      ),
    ]);
    const text = readFileSync(files.certificate, 'utf8') + readFileSync(files.key, 'utf8');
    writeFileSync(files.both, text, { mode: 0o600 });
    return files;
  };
  return {
    server: { ...leaf('server'), ca, peerUri: names.client.uri, peerName: names.client.dns },
    client: { ...leaf('client'), ca, peerUri: names.server.uri, peerName: names.server.dns },
  };
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file];
}

function extensions(...list: string[]): string[] {
  return list.flatMap((each) => ['-addext', each]);
}

function openssl(args: string[]): void {
  try {
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT')
      throw new Error('openssl makes the certificates and is not on the path: apt-get install openssl');
    throw new Error(`openssl could not make the certificates: ${stderr?.trim()}`);
  }
}
