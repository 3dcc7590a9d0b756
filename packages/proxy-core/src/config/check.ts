/** Refuses a configuration that is not exactly what `config.ts` says, with every place that is wrong. Inside the proxy, values are valid. */
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { defaultLimits, maxRingSize, maxTableSize } from '../limits.js';
import { isConnectionField } from '../message/fields.js';
import { pathOptionValues } from '../message/path-options.js';
import { ProxyError } from '../proxy-error.js';
import type { ProxyConfig } from './config.js';
import { checkReferences } from './references.js';
import { checkRoutes } from './routes.js';
import {
  type Complaint,
  choice,
  lazy,
  list,
  object,
  optional,
  orText,
  prime,
  type Shape,
  tagged,
  text,
  truthValue,
  whole,
} from './shape.js';

/** Thrown for a configuration that cannot be taken; the message names the places, one a line. */
export class ConfigError extends ProxyError {
  readonly complaints: readonly Complaint[];
  constructor(complaints: readonly Complaint[]) {
    super(
      'ERR_TULLE_CONFIG',
      `the configuration is not valid:\n${complaints.map(({ path, message }) => `  ${path} ${message}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.complaints = complaints;
  }
}

const maxInt = 0x7fff_ffff;
const milliseconds = whole(0, maxInt);
const positiveMs = whole(1, maxInt);
const port = whole(0, 65_535);
const named = text((value) => value !== '', 'a text that is not empty');
const anyText = text(() => true, 'a text');
const ip = text((value) => isIP(value) !== 0, 'an IP address');
const method = text((value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value), 'an HTTP method');
const headerName = text((value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value), 'a header field name (RFC 9110 token)');
// Latin-1 without control bytes: whatever else would let one field become two.
const headerValue = text(
  (value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
  'a header field value without control characters',
);
const absolutePath = text(
  (value) => /^\/[!-~]*$/.test(value),
  'a path that begins with / and has visible ASCII characters only',
);
// Latin-1, as heads are compared byte by byte: any other character would be taken for the byte that it ends in.
const latin1Text = text(
  (value) => /^[\x00-\xff]*$/.test(value),
  'a text of Latin-1 characters; write others as the bytes of their UTF-8 form',
);
const visible = text((value) => /^[!-~]*$/.test(value), 'a text of visible ASCII characters');
const domain = text(
  (value) => /^(?:\*|\*?[^*\s]+)$/.test(value),
  '* or a host such as server.example or *.example, each with or without port',
);
const pem = text((value) => value.includes('-----BEGIN '), 'PEM text');
const address = object({ host: ip, port });

const headerMatch = object({
  name: headerName,
  kind: choice('exact', 'prefix', 'present', 'regex'),
  value: latin1Text,
  invert: optional(truthValue),
});
const queryMatch = object({
  name: text((value) => /^[!-~]+$/.test(value), 'a parameter name of visible ASCII characters'),
  kind: choice('exact', 'prefix', 'present', 'regex'),
  value: visible,
});
const weightedClusters = list(object({ cluster: named, weight: whole(0, maxInt) }));
const editableName: Shape = (value, path, complain) => {
  headerName(value, path, complain);
  if (typeof value !== 'string' || !isConnectionField(value.toLowerCase())) return;
  complain({ path, message: `is ${value}, which the proxy alone writes; remove this edit` });
};
const headerEdits = object({
  set: optional(list(object({ name: editableName, value: headerValue }))),
  add: optional(list(object({ name: editableName, value: headerValue }))),
  remove: optional(list(editableName)),
});
const pathChange = object({ kind: choice('full', 'prefix'), value: absolutePath });
const hostText = text((value) => /^[!-~]+$/.test(value), 'a host without spaces');

export const retryShape: Shape = object({
  attempts: whole(0, 10),
  on: list(choice('reset', '5xx', 'gateway-error', 'connect-failure')),
  perTryTimeoutMs: optional(positiveMs),
  anyMethod: optional(truthValue),
  backOff: optional(object({ baseIntervalMs: positiveMs, maxIntervalMs: optional(positiveMs) })),
});

const hashPolicy = tagged('kind', {
  header: object({ kind: choice('header'), name: headerName, terminal: optional(truthValue) }),
  'source-address': object({ kind: choice('source-address'), terminal: optional(truthValue) }),
});

const action: Shape = tagged('kind', {
  forward: object({
    kind: choice('forward'),
    clusters: weightedClusters,
    timeoutMs: optional(milliseconds),
    idleTimeoutMs: optional(milliseconds),
    retry: optional(retryShape),
    hashPolicy: optional(list(hashPolicy, 1)),
    rewrite: optional(object({ host: optional(hostText), path: optional(pathChange) })),
    requestHeaders: optional(headerEdits),
    responseHeaders: optional(headerEdits),
  }),
  redirect: object({
    kind: choice('redirect'),
    status: choice(301, 302, 303, 307, 308),
    scheme: optional(choice('http', 'https')),
    host: optional(hostText),
    port: optional(whole(1, 65_535)),
    path: optional(pathChange),
    responseHeaders: optional(headerEdits),
  }),
  direct: object({
    kind: choice('direct'),
    status: whole(200, 599),
    body: anyText,
    responseHeaders: optional(headerEdits),
  }),
});

const predicate: Shape = lazy(() => predicates);
// As in Envoy's rbac.v3.Policy (min_items 1): a deny policy that forgot its principals would deny nobody.
const predicateList = list(predicate, 1);
const predicates: Shape = tagged('kind', {
  any: object({ kind: choice('any') }),
  'all-of': object({ kind: choice('all-of'), of: predicateList }),
  'any-of': object({ kind: choice('any-of'), of: predicateList }),
  not: object({ kind: choice('not'), of: predicate }),
  principal: object({ kind: choice('principal'), match: choice('exact', 'prefix'), value: named }),
  authenticated: object({ kind: choice('authenticated') }),
  port: object({ kind: choice('port'), port }),
  method: object({ kind: choice('method'), method }),
  path: object({ kind: choice('path'), match: choice('exact', 'prefix'), value: visible }),
  header: object({
    kind: choice('header'),
    name: headerName,
    match: choice('exact', 'prefix', 'present'),
    value: latin1Text,
  }),
});

/** A text that `AccessLogConfig.target` explains, or a function that takes entries. */
export const logTarget: Shape = (value, path, complain) => {
  if (typeof value !== 'function') named(value, path, complain);
};

export const pathOptionsShape: Shape = object(
  Object.fromEntries(Object.entries(pathOptionValues).map(([name, values]) => [name, optional(choice(...values))])),
);

const chain = object({
  name: named,
  match: object({
    address: optional(ip),
    port: optional(port),
    transport: optional(choice('tls', 'plain')),
    alpn: optional(list(named)),
  }),
  tls: optional(
    object({
      identity: named,
      clientTrust: optional(named),
      requireClientCertificate: truthValue,
      allowedUris: optional(list(named)),
    }),
  ),
  protocol: choice('http', 'tcp', 'auto'),
  http: optional(object({ routes: named, path: optional(pathOptionsShape), filters: optional(list(named)) })),
  tcp: optional(
    object({
      clusters: weightedClusters,
      idleTimeoutMs: optional(milliseconds),
      hashPolicy: optional(choice('source-address')),
    }),
  ),
  authorization: list(
    object({
      action: choice('allow', 'deny'),
      policies: list(object({ name: named, principals: predicateList, permissions: predicateList })),
    }),
  ),
});

const cluster = object({
  name: named,
  endpoints: orText(
    'original',
    list(
      object({
        address,
        weight: whole(0, maxInt),
        tls: truthValue,
        allowedUris: optional(list(named)),
        workload: optional(anyText),
      }),
    ),
  ),
  balancer: choice('p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev'),
  leastRequest: optional(object({ choiceCount: optional(whole(2, maxInt)) })),
  ringHash: optional(
    object({ minimumRingSize: optional(whole(1, maxRingSize)), maximumRingSize: optional(whole(1, maxRingSize)) }),
  ),
  maglev: optional(object({ tableSize: optional(prime(maxTableSize)) })),
  connectTimeoutMs: positiveMs,
  tls: optional(
    object({
      identity: optional(named),
      trust: named,
      alpn: list(named),
      serverName: optional(anyText),
      allowedUris: optional(list(named)),
    }),
  ),
  circuitBreaker: optional(
    object({
      maxConnections: optional(whole(1, maxInt)),
      maxPendingRequests: optional(whole(0, maxInt)),
      maxRequests: optional(whole(1, maxInt)),
      maxRetries: optional(whole(0, maxInt)),
      retryBudget: optional(
        object({ budgetPercent: optional(whole(0, 100)), minRetryConcurrency: optional(whole(0, maxInt)) }),
      ),
    }),
  ),
  outlierDetection: optional(
    object({
      consecutive5xx: optional(whole(0, maxInt)),
      consecutiveGatewayFailure: optional(whole(0, maxInt)),
      splitExternalLocalOriginErrors: optional(truthValue),
      consecutiveLocalOriginFailure: optional(whole(0, maxInt)),
      intervalMs: optional(positiveMs),
      baseEjectionTimeMs: optional(positiveMs),
      maxEjectionTimeMs: optional(positiveMs),
      maxEjectionPercent: optional(whole(0, 100)),
      alwaysEjectOneHost: optional(truthValue),
    }),
  ),
  panicThresholdPercent: optional(whole(0, 100)),
  idleTimeoutMs: optional(positiveMs),
});

/** Options have to cross to the data threads, so functions and the like cannot be among them. */
const plainData: Shape = (value, path, complain) => {
  try {
    structuredClone(value);
  } catch {
    complain({ path, message: 'must be plain data, without functions' });
  }
};

const modulePath = text(
  (value) => value.startsWith('file:///') || isAbsolute(value),
  "a file: URL or an absolute path of a module, such as new URL('./filter.js', import.meta.url).href",
);

export const filterShape: Shape = object({
  name: named,
  module: modulePath,
  options: optional(plainData),
  budgetMs: optional(whole(1, maxInt)),
  maxFaults: optional(whole(1, maxInt)),
  onFault: optional(choice('closed', 'open')),
});

export const limitsShape: Shape = object(
  Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, optional(whole(1, maxInt))])) satisfies Record<
    string,
    ReturnType<typeof optional>
  >,
);

const config = object({
  listeners: list(
    object({
      name: named,
      bind: address,
      direction: choice('outbound', 'inbound'),
      destination: choice('original', 'local'),
      chains: list(chain),
    }),
  ),
  clusters: list(cluster),
  routes: list(
    object({
      name: named,
      virtualHosts: list(
        object({
          name: named,
          domains: list(domain),
          routes: list(
            object({
              name: anyText,
              match: object({
                path: tagged('kind', {
                  exact: object({ kind: choice('exact'), value: absolutePath }),
                  prefix: object({ kind: choice('prefix'), value: absolutePath }),
                  regex: object({ kind: choice('regex'), value: anyText }),
                }),
                method: optional(method),
                headers: optional(list(headerMatch)),
                query: optional(list(queryMatch)),
              }),
              action,
            }),
          ),
        }),
      ),
    }),
  ),
  identities: list(object({ name: named, certificateChainPem: pem, privateKeyPem: pem })),
  trust: list(object({ name: named, caPem: pem, trustDomain: optional(named) })),
  accessLog: object({ target: logTarget, format: choice('json', 'text') }),
  filters: optional(list(filterShape)),
  limits: optional(limitsShape),
});

/** Throws `ConfigError` with all complaints. */
export function checkConfig(value: ProxyConfig): void {
  const complaints: Complaint[] = [];
  config(value, '', (complaint) => complaints.push(complaint));
  if (complaints.length === 0) {
    checkReferences(value, (complaint) => complaints.push(complaint));
    checkRoutes(value, (complaint) => complaints.push(complaint));
  }
  if (complaints.length > 0) throw new ConfigError(complaints);
}
