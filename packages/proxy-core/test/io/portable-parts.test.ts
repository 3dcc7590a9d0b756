import t from 'tap';
import { toIoError } from '../../src/io/portable/errno.js';
import { plainHost } from '../../src/io/portable/portable-io.js';

function errno(code: string, more: { message?: string; syscall?: string } = {}): NodeJS.ErrnoException {
  return Object.assign(new Error(more.message ?? code), { code, syscall: more.syscall });
}

t.test('an errno means what the phase makes of it', async (t) => {
  const code = (name: string, phase: Parameters<typeof toIoError>[1], syscall?: string) =>
    toIoError(errno(name, { syscall }), phase, 'connect 10.0.0.1:80').code;
  t.equal(code('ECONNREFUSED', 'connect'), 'refused');
  t.equal(code('EHOSTUNREACH', 'connect'), 'refused');
  t.equal(code('ECONNRESET', 'connect'), 'reset');
  t.equal(code('ETIMEDOUT', 'connect'), 'timeout');
  t.equal(code('EAGAIN', 'connect'), 'exhausted', 'no local port is left');
  t.equal(code('ETIMEDOUT', 'open'), 'timeout');
  t.equal(code('EMFILE', 'connect'), 'exhausted');
  t.equal(code('EMFILE', 'accept'), 'exhausted');
  t.equal(code('EADDRINUSE', 'listen'), 'address');
  t.equal(code('EPIPE', 'open'), 'reset');
  t.equal(code('ERR_SSL_BAD_RECORD', 'open'), 'tls');
  t.equal(code('CERT_HAS_EXPIRED', 'handshake'), 'tls');
  t.equal(code('ECONNRESET', 'handshake', 'read'), 'reset', 'a real reset');
  t.equal(code('ECONNRESET', 'handshake'), 'tls', 'made up by node for an end');
});

t.test('messages name the call, the address and the cause, without OpenSSL file names', async (t) => {
  const refused = toIoError(
    errno('ECONNREFUSED', { message: 'connect ECONNREFUSED' }),
    'connect',
    'connect 10.0.0.1:80',
  );
  t.equal(refused.message, 'connect 10.0.0.1:80: ECONNREFUSED');
  const message =
    '40E7:error:0A000410:SSL routines:ssl3_read_bytes:handshake failure:../deps/ssl.c:1590:SSL alert number 40\n';
  const failed = toIoError(errno('ERR_SSL_HANDSHAKE', { message }), 'handshake', 'TLS handshake 10.0.0.1:80');
  t.equal(failed.message, 'TLS handshake 10.0.0.1:80: ERR_SSL_HANDSHAKE handshake failure');
});

t.test('addresses are bare literals', async (t) => {
  t.equal(plainHost('::ffff:10.0.0.1'), '10.0.0.1');
  t.equal(plainHost('fe80::1%eth0'), 'fe80::1');
  t.equal(plainHost('10.0.0.1'), '10.0.0.1');
});
