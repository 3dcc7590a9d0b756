/** The one place of this engine that knows names of errno and of OpenSSL's errors. */
import type { IoError } from '../io.js';

/** What the connection was about when it failed: the same errno means different things. */
export type Phase = 'listen' | 'accept' | 'connect' | 'handshake' | 'open';

const exhausted = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** `what` names the call and the address, such as `connect 10.0.0.1:80`. */
export function toIoError(error: NodeJS.ErrnoException, phase: Phase, what: string): IoError {
  const name = error.code ?? error.message;
  return { code: codeOf(name, phase, error.syscall === 'read'), message: `${what}: ${describe(error)}` };
}

function codeOf(name: string, phase: Phase, read: boolean): IoError['code'] {
  if (exhausted.has(name)) return 'exhausted';
  if (name === 'ETIMEDOUT') return 'timeout';
  // No local port or route entry is left, connect(2).
  if (phase === 'connect' && name === 'EAGAIN') return 'exhausted';
  switch (phase) {
    case 'listen':
      return 'address';
    case 'accept':
      return 'exhausted';
    case 'connect':
      // Reset at once after it was accepted is not a refusal.
      return name === 'ECONNRESET' || name === 'EPIPE' ? 'reset' : 'refused';
    case 'handshake':
      // node makes up an ECONNRESET, without a call, where the peer closed in the middle of it.
      return name === 'ECONNRESET' && read ? 'reset' : 'tls';
    case 'open':
      return name.startsWith('ERR_SSL') || name.startsWith('ERR_TLS') || name === 'EPROTO' ? 'tls' : 'reset';
  }
}

/** OpenSSL's texts come with file, line and thread; the part behind the last colon says what happened. Otherwise the errno's name. */
function describe(error: NodeJS.ErrnoException): string {
  const { code, message } = error;
  // UNSPECIFIED: node has no name for what OpenSSL says of a certificate, such as `invalid CA certificate`.
  if (code === undefined || code === 'UNSPECIFIED') return message;
  if (!code.startsWith('ERR_')) return code === 'ECONNRESET' && !message.includes('ECONNRESET') ? message : code;
  const reason = /:([^:\n]+):[^:\n]*:\d+:[^\n]*\n?$/.exec(message)?.[1];
  return reason === undefined ? `${code} ${message}` : `${code} ${reason}`;
}
