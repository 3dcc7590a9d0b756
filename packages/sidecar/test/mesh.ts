import { generateKeyPairSync, type KeyObject, randomInt, sign } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Program } from './program.js';

/** A small mesh on loopback: a control plane with a folder of YAML, and pods without interception. */
export interface MeshOptions {
  readonly dir: string;
  readonly engine: 'portable' | 'linux';
  readonly svidTtlMs?: number;
}

export interface PodPlace {
  readonly name: string;
  readonly ip: string;
  /** Of the application. */
  readonly port: number;
  /** Where the sidecar listens for it. */
  readonly inbound: number;
  readonly outboundProxy: number;
  readonly pages: number[];
}

const issuer = 'https://kubernetes.default.svc';

export class Mesh {
  readonly dir: string;
  readonly engine: MeshOptions['engine'];
  readonly svidTtlMs: number | undefined;
  controlPlane!: Program;
  private readonly signingKey: KeyObject;
  private ports: number[] = [];
  private readonly programs: Program[] = [];

  constructor({ dir, engine, svidTtlMs }: MeshOptions) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.dir = dir;
    this.engine = engine;
    this.svidTtlMs = svidTtlMs;
    this.signingKey = privateKey;
    mkdirSync(join(dir, 'config'), { recursive: true });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' };
    writeFileSync(join(dir, 'jwks.json'), JSON.stringify({ keys: [jwk] }));
  }

  /** Puts a file into the control plane's folder, whole at once. */
  configure(file: string, yaml: string): void {
    writeFileSync(join(this.dir, 'next'), yaml);
    renameSync(join(this.dir, 'next'), join(this.dir, 'config', file));
  }

  async startControlPlane(): Promise<void> {
    if (this.ports.length === 0) this.ports = await freePorts(controlPlaneIp, 2);
    const [ads, certificates] = this.ports.map((port) => `${controlPlaneIp}:${port}`);
    this.controlPlane = this.started(
      new Program('runControlPlane', {
        config: [join(this.dir, 'config')],
        state: join(this.dir, 'control-plane'),
        ads,
        certificates,
        admin: '127.0.0.1:0',
        tokenIssuer: issuer,
        tokenJwks: join(this.dir, 'jwks.json'),
        svidTtlMs: this.svidTtlMs,
      }),
    );
    await this.controlPlane.ready;
  }

  bootstrapOf(pod: PodPlace, change: object = {}): object {
    const [ads, certificates] = this.ports.map((port) => `${controlPlaneIp}:${port}`);
    const [admin, health, metrics] = pod.pages.map((port) => `${pod.ip}:${port}`);
    return {
      node: { pod: pod.name, namespace: 'default', serviceAccount: pod.name, podIp: pod.ip },
      trustDomain: 'cluster.local',
      controlPlane: {
        ads,
        certificates,
        serverName: 'control-plane.tulle-system.svc',
        rootCaFile: join(this.dir, 'control-plane', 'root-cert.pem'),
      },
      tokenFile: join(this.dir, `${pod.name}.token`),
      stateDir: join(this.dir, `${pod.name}.state`),
      interception: 'none',
      socketMark: null,
      engine: this.engine,
      concurrency: 1,
      accessLog: join(this.dir, `${pod.name}.access.log`),
      admin,
      health,
      metrics,
      outboundProxy: `${pod.ip}:${pod.outboundProxy}`,
      ...change,
    };
  }

  startSidecar(pod: PodPlace, change: object = {}): Program {
    writeFileSync(join(this.dir, `${pod.name}.token`), this.token(pod.name));
    const bootstrap = join(this.dir, `${pod.name}.json`);
    writeFileSync(bootstrap, JSON.stringify(this.bootstrapOf(pod, change)));
    return this.started(new Program('runSidecar', { bootstrap }));
  }

  /** A projected service-account token (RFC 7519, ES256). */
  token(serviceAccount: string): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      aud: ['tulle-ca'],
      sub: `system:serviceaccount:default:${serviceAccount}`,
      iat: now,
      nbf: now,
      exp: now + 600,
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name: serviceAccount, uid: 'u' },
        pod: { name: serviceAccount, uid: 'u2' },
      },
    };
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ alg: 'ES256', kid: 'k' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.signingKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  /** Ends its programs; of a test that failed it says what they logged last. */
  async close(t: { passing(): boolean; comment(text: string): void }): Promise<void> {
    if (!t.passing()) for (const program of this.programs) t.comment(program.lastWords());
    await Promise.all(this.programs.map((program) => program.stop('SIGKILL')));
  }

  private started(program: Program): Program {
    this.programs.push(program);
    return program;
  }
}

/**
 * An address that no other process of these tests has, since test files run at the same time: a port that was free a moment ago stays so. Below 127.64/16, where testbeds are.
 * Only Linux takes all of 127/8 for its own.
 */
function ownAddress(host: 1 | 2 | 3): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  const { pid } = process;
  return `127.${1 + ((pid >> 14) % 60)}.${(pid >> 6) & 255}.${((pid & 63) << 2) | host}`;
}

const controlPlaneIp = ownAddress(1);

/** @param host tells pods of one mesh apart. */
export async function placePod(name: string, host: 2 | 3): Promise<PodPlace> {
  const ip = ownAddress(host);
  const [port, inbound, outboundProxy, ...pages] = await freePorts(ip, 6);
  return { name, ip, port, inbound, outboundProxy, pages };
}

/** YAML of a pod with its service account, and of the slice that makes it an endpoint of the Service `server`. */
export function podYaml({ name, ip, port, inbound }: PodPlace): string {
  return `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: default }
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: default
  labels: { app: ${name} }
  annotations: { tulle.dev/inbound-listeners: '[{"port":${port},"listen":"${ip}:${inbound}"}]' }
spec:
  serviceAccountName: ${name}
  containers: [{ name: app, command: [app], ports: [{ name: http, containerPort: ${port} }] }]
status: { podIP: ${ip} }
`;
}

export function sliceYaml(service: string, { name, ip, inbound }: PodPlace): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-1, namespace: default, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: ${inbound} }]
endpoints: [{ addresses: [${ip}], conditions: { ready: true }, targetRef: { kind: Pod, name: ${name}, namespace: default } }]
`;
}

/** Below the range from which the kernel gives ports to connections: one of those could take a port between its check and its use. */
const firstPort = 20_000;
const lastPort = 32_000;
const given = new Set<number>();

async function freePorts(ip: string, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = randomInt(firstPort, lastPort);
    if (given.has(port) || !(await isFree(ip, port))) continue;
    given.add(port);
    found.push(port);
  }
  return found;
}

function isFree(ip: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, ip, () => server.close(() => resolve(true)));
  });
}
