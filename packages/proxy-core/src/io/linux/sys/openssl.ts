/**
 * OpenSSL 3.0 to 3.5 as node exports it: the functions used, as their manual pages declare them, pointers as numbers (see library.ts). A wrong signature here
 * crashes the process. Macros are spelled as the control calls they stand for (openssl/ssl.h).
 */
import { type CallbackType, callbackType, native } from './library.js';

export const SSL_VERIFY_NONE = 0;
export const SSL_VERIFY_PEER = 1;
export const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
export const X509_V_OK = 0;

export const SSL_CTRL_MODE = 33;
export const SSL_CTRL_SET_READ_AHEAD = 41;
export const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
export const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
export const SSL_CTRL_CHAIN_CERT = 89;
export const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
export const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
export const TLS1_2_VERSION = 0x0303;
export const TLS1_3_VERSION = 0x0304;

export const SSL_MODE_ENABLE_PARTIAL_WRITE = 0x1;
export const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x2;
export const SSL_MODE_NO_AUTO_CHAIN = 0x8;
export const SSL_MODE_RELEASE_BUFFERS = 0x10;

export const SSL_OP_NO_TICKET: number = 1 << 14;
export const SSL_OP_NO_COMPRESSION: number = 1 << 17;
export const SSL_OP_NO_RENEGOTIATION: number = 1 << 30;

export const SSL_ERROR_WANT_READ = 2;
export const SSL_ERROR_WANT_WRITE = 3;
export const SSL_ERROR_SYSCALL = 5;
export const SSL_ERROR_ZERO_RETURN = 6;

export const SSL_TLSEXT_ERR_OK = 0;
export const SSL_TLSEXT_ERR_ALERT_FATAL = 2;
/** Reason code of library SSL: the peer sent FIN without close_notify. */
export const SSL_R_UNEXPECTED_EOF_WHILE_READING = 294;

export const TLS_method: () => number = native('intptr_t TLS_method()');
export const SSL_CTX_new: (method: number) => number = native('intptr_t SSL_CTX_new(intptr_t)');
export const SSL_CTX_free: (context: number) => void = native('void SSL_CTX_free(intptr_t)');
export const SSL_CTX_ctrl: (context: number, command: number, long: number, pointer: number) => number = native(
  'long SSL_CTX_ctrl(intptr_t, int, long, intptr_t)',
);
export const SSL_CTX_set_options: (context: number, options: number) => number = native(
  'uint64_t SSL_CTX_set_options(intptr_t, uint64_t)',
);
export const SSL_CTX_set_num_tickets: (context: number, count: number) => number = native(
  'int SSL_CTX_set_num_tickets(intptr_t, size_t)',
);
export const SSL_CTX_set_verify: (context: number, mode: number, callback: number) => void = native(
  'void SSL_CTX_set_verify(intptr_t, int, intptr_t)',
);
export const SSL_CTX_use_certificate: (context: number, certificate: number) => number = native(
  'int SSL_CTX_use_certificate(intptr_t, intptr_t)',
);
export const SSL_CTX_use_PrivateKey: (context: number, key: number) => number = native(
  'int SSL_CTX_use_PrivateKey(intptr_t, intptr_t)',
);
export const SSL_CTX_check_private_key: (context: number) => number = native('int SSL_CTX_check_private_key(intptr_t)');
export const SSL_CTX_get_cert_store: (context: number) => number = native('intptr_t SSL_CTX_get_cert_store(intptr_t)');
/** 0 means done. */
export const SSL_CTX_set_alpn_protos: (context: number, list: Uint8Array, length: number) => number = native(
  'int SSL_CTX_set_alpn_protos(intptr_t, void *, uint32_t)',
);
export const SSL_CTX_set_alpn_select_cb: (context: number, callback: number, argument: number) => void = native(
  'void SSL_CTX_set_alpn_select_cb(intptr_t, intptr_t, intptr_t)',
);
export const X509_STORE_add_cert: (store: number, certificate: number) => number = native(
  'int X509_STORE_add_cert(intptr_t, intptr_t)',
);

export const BIO_new_mem_buf: (bytes: Uint8Array, length: number) => number = native(
  'intptr_t BIO_new_mem_buf(void *, int)',
);
export const BIO_free: (bio: number) => number = native('int BIO_free(intptr_t)');
export const BIO_number_read: (bio: number) => number = native('uint64_t BIO_number_read(intptr_t)');
export const BIO_number_written: (bio: number) => number = native('uint64_t BIO_number_written(intptr_t)');
export const PEM_read_bio_X509: (bio: number, out: number, callback: number, password: number) => number = native(
  'intptr_t PEM_read_bio_X509(intptr_t, intptr_t, intptr_t, intptr_t)',
);
export const PEM_read_bio_PrivateKey: (bio: number, out: number, callback: number, password: number) => number = native(
  'intptr_t PEM_read_bio_PrivateKey(intptr_t, intptr_t, intptr_t, intptr_t)',
);
export const X509_free: (certificate: number) => void = native('void X509_free(intptr_t)');
export const EVP_PKEY_free: (key: number) => void = native('void EVP_PKEY_free(intptr_t)');
export const i2d_X509: (certificate: number, out: number) => number = native('int i2d_X509(intptr_t, intptr_t)');
export const X509_verify_cert_error_string: (code: number) => string = native(
  'const char *X509_verify_cert_error_string(long)',
);

export const SSL_new: (context: number) => number = native('intptr_t SSL_new(intptr_t)');
export const SSL_free: (ssl: number) => void = native('void SSL_free(intptr_t)');
export const SSL_ctrl: (ssl: number, command: number, long: number, text: string) => number = native(
  'long SSL_ctrl(intptr_t, int, long, const char *)',
);
export const SSL_set_fd: (ssl: number, fd: number) => number = native('int SSL_set_fd(intptr_t, int)');
export const SSL_get_rbio: (ssl: number) => number = native('intptr_t SSL_get_rbio(intptr_t)');
export const SSL_set_accept_state: (ssl: number) => void = native('void SSL_set_accept_state(intptr_t)');
export const SSL_set_connect_state: (ssl: number) => void = native('void SSL_set_connect_state(intptr_t)');
export const SSL_do_handshake: (ssl: number) => number = native('int SSL_do_handshake(intptr_t)');
export const SSL_read: (ssl: number, bytes: number, length: number) => number = native(
  'int SSL_read(intptr_t, intptr_t, int)',
);
export const SSL_write: (ssl: number, bytes: number, length: number) => number = native(
  'int SSL_write(intptr_t, intptr_t, int)',
);
export const SSL_has_pending: (ssl: number) => number = native('int SSL_has_pending(intptr_t)');
export const SSL_shutdown: (ssl: number) => number = native('int SSL_shutdown(intptr_t)');
export const SSL_get_error: (ssl: number, result: number) => number = native('int SSL_get_error(intptr_t, int)');
export const SSL_get_verify_result: (ssl: number) => number = native('long SSL_get_verify_result(intptr_t)');
export const SSL_get1_peer_certificate: (ssl: number) => number = native(
  'intptr_t SSL_get1_peer_certificate(intptr_t)',
);
export const SSL_get0_alpn_selected: (ssl: number, data: number, length: number) => void = native(
  'void SSL_get0_alpn_selected(intptr_t, intptr_t, intptr_t)',
);

export const ERR_get_error: () => number = native('unsigned long ERR_get_error()');
export const ERR_reason_error_string: (code: number) => string | null = native(
  'const char *ERR_reason_error_string(unsigned long)',
);

/** SSL_CTX_alpn_select_cb_func: session, out, outlen, in, inlen, arg. */
export const alpnChoiceType: CallbackType = callbackType('int', [
  'intptr_t',
  'intptr_t',
  'intptr_t',
  'intptr_t',
  'uint32_t',
  'intptr_t',
]);
