import { create } from '@bufbuild/protobuf';
import { type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  AdsClient,
  CertificateClient,
  CONTROL_PLANE_SERVER_NAME,
  encodeNode,
  type NodeFacts,
  TOKEN_AUDIENCE,
  typeUrl,
  type WorkloadIdentity,
  type XdsType,
} from '@tulle/xds';
import { ClusterSchema } from '@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@tulle/xds/gen/envoy/config/listener/v3/listener_pb';
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb';
import {
  SignCertificateRequestSchema,
  type SignCertificateResponse,
} from '@tulle/xds/gen/tulle/identity/v1/certificate_pb';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { chainPem } from '../../src/ca/authority.js';
import { createJwksReviewer } from '../../src/ca/jwks-reviewer.js';
import { type CertificateAuthority, openAuthority } from '../../src/ca/open.js';
import type { Model, ModelPod } from '../../src/model/model.js';
import { type AdsService, createAdsService } from '../../src/serve/ads-service.js';
import { createSignCertificate } from '../../src/serve/certificate-service.js';
import { type Log, realTimer, type ServeEvents } from '../../src/serve/events.js';
import { type Listening, listenAds, listenCertificates } from '../../src/serve/listen.js';
import { createServerCertificate, type ServerCertificate } from '../../src/serve/server-certificate.js';
import { makeWorkload, uriNames } from '../ca/workload.js';

export const trustDomain = 'cluster.local';
export const issuer = 'https://kubernetes.default.svc';

export const clientFacts: NodeFacts = {
  pod: 'client',
  namespace: 'default',
  serviceAccount: 'client',
  podIp: '10.244.0.5',
  interception: 'REDIRECT',
};

export function identityOf(serviceAccount: string): WorkloadIdentity {
  return { trustDomain, namespace: 'default', serviceAccount };
}

/** A model with pods `client` and `server`; `generation` is what its only cluster is named after. */
export function modelOf(generation: number, pods: string[] = ['client', 'server']): Model {
  const found = new Map(pods.map((name) => [name, { name, namespace: 'default', serviceAccount: name } as ModelPod]));
  return { generation, findPod: (_namespace: string, name: string) => found.get(name) } as Model;
}

/** The servers on ports of loopback, with a translation that names a cluster after the generation. */
export interface Mesh {
  authority: CertificateAuthority;
  certificate: ServerCertificate;
  service: AdsService;
  ads: Listening;
  certificates: Listening;
  logged: string[];
  counted: string[];
  translations: number;
  token(change?: (claims: JWTPayload) => void): Promise<string>;
  strangerToken(): Promise<string>;
  setModel(model: Model): void;
  close(): Promise<void>;
}

export async function startMesh(stateDir: string, ttlMs = 3600_000): Promise<Mesh> {
  const logged: string[] = [];
  const counted: string[] = [];
  const write = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { info: write, warn: write, error: write };
  const events: ServeEvents = {
    streamOpened: () => counted.push('opened'),
    streamClosed: () => counted.push('closed'),
    pushed: (type) => counted.push(`pushed ${type}`),
    answered: (type, answer) => counted.push(`${answer} ${type}`),
    certificate: (result) => counted.push(`certificate ${result}`),
  };
  const authority = await openAuthority({ stateDir, trustDomain });
  const common = { events, log, now: Date.now, setTimer: realTimer };
  const certificate = await createServerCertificate({ authority, ttlMs, ...common });
  const keyPair = await generateKeyPair('ES256');
  const stranger = await generateKeyPair('ES256');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keyPair.publicKey)), kid: 'k' }] });
  const reviewer = createJwksReviewer({ issuer, jwksFile: 'jwks.json', readText: async () => jwks });
  const service = createAdsService({
    ...common,
    trustDomain,
    defer: setImmediate,
    translate: (model) => {
      mesh.translations++;
      return {
        clusters: [create(ClusterSchema, { name: `generation-${model.generation}` })],
        endpoints: [],
        listeners: [create(ListenerSchema, { name: 'inbound' })],
        routes: [],
        secrets: [],
      };
    },
  });
  const ads = await listenAds('127.0.0.1:0', certificate.mutual, (call) => service.handle(call));
  const sign = createSignCertificate({ authority, reviewer, pods: () => modelOf(1), ttlMs, ...common });
  const certificates = await listenCertificates('127.0.0.1:0', certificate.serverAuth, sign);
  const signToken = (claims: JWTPayload, key = keyPair.privateKey) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(key);
  const mesh: Mesh = {
    authority,
    certificate,
    service,
    ads,
    certificates,
    logged,
    counted,
    translations: 0,
    token: async (change = () => {}) => {
      const claims = tokenClaims();
      change(claims);
      return signToken(claims);
    },
    strangerToken: () => signToken(tokenClaims(), stranger.privateKey),
    setModel: (model) => service.update({ model, trust: authority.trust() }),
    close: async () => {
      service.close();
      await Promise.all([ads.close(), certificates.close()]);
      certificate.close();
    },
  };
  return mesh;
}

function tokenClaims(): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: [TOKEN_AUDIENCE],
    sub: 'system:serviceaccount:default:client',
    iat: now,
    exp: now + 600,
    'kubernetes.io': {
      namespace: 'default',
      serviceaccount: { name: 'client', uid: 'u' },
      pod: { name: 'client', uid: 'u2' },
    },
  };
}

const channelOptions = { 'grpc.ssl_target_name_override': CONTROL_PLANE_SERVER_NAME };

/** Asks for a certificate as a sidecar does. */
export async function requestCertificate(
  mesh: Mesh,
  csrDer: Uint8Array,
  authorization: string[],
  rootsPem: string = mesh.authority.trust().rootsPem,
): Promise<SignCertificateResponse | ServiceError> {
  const client = new CertificateClient(
    mesh.certificates.address,
    credentials.createSsl(Buffer.from(rootsPem)),
    channelOptions,
  );
  const metadata = new Metadata();
  for (const value of authorization) metadata.add('authorization', value);
  try {
    return await new Promise((resolve) => {
      const deadline = Date.now() + 60_000;
      client.sign(create(SignCertificateRequestSchema, { csrDer }), metadata, { deadline }, (error, response) =>
        resolve(error ?? response!),
      );
    });
  } finally {
    client.close();
  }
}

export interface Svid {
  certPem: string;
  keyPem: string;
}

/** A certificate of the mesh's authority, without the certificate service. */
export async function issueTo(
  authority: CertificateAuthority,
  identity: WorkloadIdentity,
  ttlMs = 3600_000,
): Promise<Svid> {
  const { publicKeyDer, privateKeyPem } = await makeWorkload({ names: uriNames('spiffe://x') });
  const { chainDer } = await authority.issue({ publicKeyDer, identity, ttlMs });
  return { certPem: chainPem(chainDer), keyPem: privateKeyPem };
}

/** One ADS stream; what arrives is queued. */
export class TestSidecar {
  readonly client: AdsClient;
  readonly call: ClientDuplexStream<DiscoveryRequest, DiscoveryResponse>;
  private readonly arrived: (DiscoveryResponse | ServiceError)[] = [];
  private waiting: ((value: DiscoveryResponse | ServiceError) => void) | undefined;

  constructor(mesh: Mesh, svid: Svid | undefined, rootsPem: string = mesh.authority.trust().rootsPem) {
    const roots = Buffer.from(rootsPem);
    const channel = svid
      ? credentials.createSsl(roots, Buffer.from(svid.keyPem), Buffer.from(svid.certPem))
      : credentials.createSsl(roots);
    this.client = new AdsClient(mesh.ads.address, channel, channelOptions);
    this.call = this.client.stream(new Metadata(), { deadline: Date.now() + 60_000 });
    this.call.on('data', (response) => this.arrive(response));
    this.call.on('error', (error: ServiceError) => this.arrive(error));
  }

  private arrive(value: DiscoveryResponse | ServiceError): void {
    const waiting = this.waiting;
    this.waiting = undefined;
    if (waiting) waiting(value);
    else this.arrived.push(value);
  }

  next(): Promise<DiscoveryResponse | ServiceError> {
    const value = this.arrived.shift();
    return value
      ? Promise.resolve(value)
      : new Promise((resolve) => {
          this.waiting = resolve;
        });
  }

  request(
    type: XdsType | string,
    fields: Partial<Pick<DiscoveryRequest, 'responseNonce' | 'resourceNames' | 'errorDetail'>> = {},
    facts: NodeFacts | null = clientFacts,
  ): void {
    const url = type in typeUrl ? typeUrl[type as XdsType] : type;
    const node = facts === null ? undefined : encodeNode(facts, 'test');
    this.call.write(create(DiscoveryRequestSchema, { typeUrl: url, node, ...fields }));
  }

  close(): void {
    this.call.cancel();
    this.client.close();
  }
}
