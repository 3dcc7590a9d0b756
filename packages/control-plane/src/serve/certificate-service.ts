import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Metadata, status } from '@grpc/grpc-js';
import { spiffeId } from '@tulle/xds';
import {
  type SignCertificateRequest,
  type SignCertificateResponse,
  SignCertificateResponseSchema,
} from '@tulle/xds/gen/tulle/identity/v1/certificate_pb.js';
import { rootsDer } from '../ca/authority.js';
import { CsrError, verifyCsr } from '../ca/csr.js';
import type { CertificateAuthority } from '../ca/open.js';
import { ReviewUnavailableError, TokenError, type TokenReviewer } from '../ca/tokens.js';
import type { Model } from '../model/model.js';
import type { Log, ServeEvents } from './events.js';
import { MAX_CONCURRENT_SIGNINGS } from './limits.js';

export interface CertificateServiceOptions {
  authority: CertificateAuthority;
  reviewer: TokenReviewer;
  /** The pods of now; undefined: no configuration is known yet, and pods are not looked for. */
  pods: () => Pick<Model, 'findPod'> | undefined;
  /** How long certificates live. */
  ttlMs: number;
  events: ServeEvents;
  log: Log;
}

/** A refusal as gRPC carries it. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string, options?: ErrorOptions) {
    super(details, options);
    this.code = code;
    this.details = details;
  }
}

/** Handler of SignCertificate, without its transport. */
export type SignCertificate = (request: SignCertificateRequest, metadata: Metadata) => Promise<SignCertificateResponse>;

/** Signs for whoever shows a token that holds. Its rejections are StatusErrors. */
export function createSignCertificate(options: CertificateServiceOptions): SignCertificate {
  const { events, log } = options;
  let running = 0;
  return async (request, metadata) => {
    try {
      if (running >= MAX_CONCURRENT_SIGNINGS) {
        throw new StatusError(
          status.RESOURCE_EXHAUSTED,
          `${MAX_CONCURRENT_SIGNINGS} certificates are being signed: try again`,
        );
      }
      running++;
      try {
        const response = await sign(options, request, metadata);
        events.certificate('ok');
        return response;
      } finally {
        running--;
      }
    } catch (error) {
      const refusal = statusOf(error);
      events.certificate(status[refusal.code]);
      const fields = { code: status[refusal.code], reason: error instanceof Error ? error.message : refusal.details };
      if (refusal.code === status.INTERNAL) log.error({ ...fields, err: error }, 'certificate not signed');
      else log.warn(fields, 'certificate refused');
      throw refusal;
    }
  };
}

async function sign(
  { authority, reviewer, pods, ttlMs, log }: CertificateServiceOptions,
  request: SignCertificateRequest,
  metadata: Metadata,
): Promise<SignCertificateResponse> {
  const token = bearerToken(metadata);
  const { namespace, serviceAccount, pod } = await reviewer.review(token);
  checkPod(pods(), namespace, pod.name, serviceAccount);
  const trust = authority.trust();
  const identity = { trustDomain: trust.trustDomain, namespace, serviceAccount };
  const publicKeyDer = await verifyCsr(request.csrDer, identity);
  const { chainDer, notAfter, serial } = await authority.issue({ publicKeyDer, identity, ttlMs });
  log.info({ identity: spiffeId(identity), pod: pod.name, serial, notAfter: new Date(notAfter) }, 'certificate signed');
  return create(SignCertificateResponseSchema, {
    chainDer,
    trustDer: rootsDer(trust),
    notAfter: timestampFromMs(notAfter),
  });
}

/** A token may be ahead of the configuration: a pod that is not known is one to come back for. */
function checkPod(
  model: Pick<Model, 'findPod'> | undefined,
  namespace: string,
  name: string,
  serviceAccount: string,
): void {
  if (model === undefined) return;
  const pod = model.findPod(namespace, name);
  if (pod === undefined) {
    throw new StatusError(
      status.UNAVAILABLE,
      `the pod ${namespace}/${name} of the token is not in the configuration (yet): try again`,
    );
  }
  if (pod.serviceAccount !== serviceAccount) {
    throw new StatusError(
      status.PERMISSION_DENIED,
      `the token is of service account ${serviceAccount}, the pod ${namespace}/${name} has ${pod.serviceAccount}`,
    );
  }
}

function bearerToken(metadata: Metadata): string {
  const values = metadata.get('authorization');
  if (values.length === 0) throw new StatusError(status.UNAUTHENTICATED, 'metadata "authorization" is missing');
  const match = values.length === 1 ? /^Bearer ([\x21-\x7e]+)$/.exec(String(values[0])) : null;
  if (match === null)
    throw new StatusError(status.UNAUTHENTICATED, 'metadata "authorization" must be one "Bearer <token>"');
  return match[1];
}

function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof TokenError) return new StatusError(status.UNAUTHENTICATED, error.message);
  if (error instanceof ReviewUnavailableError) {
    // The reason names a file of this machine: it is for our log, not for a caller whom nobody knows yet.
    return new StatusError(status.UNAVAILABLE, 'tokens cannot be checked now: the log of the control plane says why');
  }
  if (error instanceof CsrError) {
    return new StatusError(error.code === 'denied' ? status.PERMISSION_DENIED : status.INVALID_ARGUMENT, error.message);
  }
  return new StatusError(
    status.INTERNAL,
    'the certificate could not be signed: the log of the control plane says why',
    {
      cause: error,
    },
  );
}
