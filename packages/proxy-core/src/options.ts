/** Refuses options that are not exactly what their types say: JavaScript callers have no compiler, and a misspelt option that is ignored is found in production. */
import { filterShape, limitsShape, logTarget, pathOptionsShape, retryShape } from './config/check.js';
import { type Complaint, choice, list, object, optional, type Shape, text, whole } from './config/shape.js';
import { ProxyError } from './proxy-error.js';

const maxInt = 0x7fff_ffff;
/** Far more than a machine has cores: a slip, not a wish. */
const maxConcurrency = 256;
const notEmpty = text((value) => value !== '', 'a text that is not empty');
const uris = list(notEmpty);

const aFunction: Shape = (value, path, complain) => {
  if (typeof value !== 'function') complain({ path, message: `must be a function, not ${typeof value}` });
};

const signal: Shape = (value, path, complain) => {
  if (!(value instanceof AbortSignal)) complain({ path, message: 'must be an AbortSignal' });
};

const proxyOptions = object({
  engine: optional(choice('auto', 'linux', 'portable')),
  concurrency: optional(whole(1, maxConcurrency)),
  socketMark: optional(whole(0, maxInt)),
  onAccessLog: optional(aFunction),
  onWarning: optional(aFunction),
  onDeath: optional(aFunction),
  signal: optional(signal),
});

const closeOptions = object({ drainTimeoutMs: optional(whole(0, maxInt)) });

const texts = { certificateChainPem: notEmpty, privateKeyPem: notEmpty, caPem: notEmpty };
const files = { certificateFile: notEmpty, privateKeyFile: notEmpty, caFile: notEmpty };

/** Texts or files, whichever the object has a key of; files when it has neither. */
function pem(more: Readonly<Record<string, ReturnType<typeof optional>>>): Shape {
  const ofTexts = object({ ...texts, ...more });
  const ofFiles = object({ ...files, ...more });
  return (value, path, complain) => {
    const hasTexts = typeof value === 'object' && value !== null && Object.keys(texts).some((key) => key in value);
    (hasTexts ? ofTexts : ofFiles)(value, path, complain);
  };
}

const upstreams: Shape = (value, path, complain) => {
  if (Array.isArray(value) && value.length === 0) complain({ path, message: 'is empty; name at least one upstream' });
  else list(notEmpty)(value, path, complain);
};

const forwardOptions = object({
  listen: notEmpty,
  to: upstreams,
  protocol: optional(choice('auto', 'http', 'tcp')),
  balancer: optional(choice('p2c', 'round-robin', 'least-request')),
  timeoutMs: optional(whole(0, maxInt)),
  connectTimeoutMs: optional(whole(1, maxInt)),
  retry: optional(retryShape),
  listenTls: optional(pem({ allowedUris: optional(uris) })),
  toTls: optional(pem({ allowedUris: optional(uris), serverName: optional(notEmpty) })),
  filters: optional(list(filterShape)),
  accessLog: optional(logTarget),
  accessLogFormat: optional(choice('json', 'text')),
  limits: optional(limitsShape),
  path: optional(pathOptionsShape),
});

/** Throws a `ProxyError` `ERR_TULLE_OPTION` that lists all that is wrong. */
export function checkProxyOptions(options: unknown): void {
  check('the options of createProxy', proxyOptions, options);
}

export function checkCloseOptions(options: unknown): void {
  check('the options of close', closeOptions, options);
}

export function checkForwardOptions(options: unknown): void {
  check('the options of forward', forwardOptions, options);
}

function check(what: string, shape: Shape, value: unknown): void {
  const complaints: Complaint[] = [];
  shape(value, '', (complaint) => complaints.push(complaint));
  if (complaints.length === 0) return;
  const lines = complaints.map(({ path, message }) => `  ${path === '' ? 'they' : path} ${message}`);
  throw new ProxyError('ERR_TULLE_OPTION', `${what} are not valid:\n${lines.join('\n')}`);
}
