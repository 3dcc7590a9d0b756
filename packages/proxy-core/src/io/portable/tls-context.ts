import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { IoFailure, type TlsContext, type TlsContextOptions } from '../io.js';

/** Compiled settings of one side, for node:tls. */
export class PortableTlsContext implements TlsContext {
  readonly key: string;
  readonly secure: SecureContext;
  readonly side: 'client' | 'server';
  /** There is a trust bundle: what the peer shows is verified. */
  readonly verifies: boolean;
  readonly requirePeerCertificate: boolean;
  readonly alpn: string[];

  constructor(key: string, options: TlsContextOptions) {
    checkOptions(options);
    this.key = key;
    this.side = options.side;
    this.verifies = options.trustPem !== undefined;
    this.requirePeerCertificate = options.requirePeerCertificate;
    this.alpn = [...options.alpn];
    this.secure = compile(options);
  }

  /** Nothing to do: node frees the context with its last connection. */
  release(): void {}
}

/** What node does not document of a context: with its callback whoever makes the tickets is asked for a key each time. */
interface TicketContext {
  onticketkeycallback?: () => unknown[];
  enableTicketKeyCallback?(): void;
}

const noTicketKey = [0, Buffer.alloc(32), Buffer.alloc(16), Buffer.alloc(16), Buffer.alloc(16)];

/**
 * No session tickets, as in the other engine: who resumes is not verified again, so a renewed trust bundle would not hold for it. OpenSSL leaves out a ticket of TLS 1.3 for
 * which it is given no key (SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0). Where node has no such callback, tickets are issued that this server does not take: a full
 * handshake follows.
 */
function withoutTickets(context: SecureContext): SecureContext {
  const native = context.context as TicketContext;
  if (native.enableTicketKeyCallback === undefined) return context;
  native.onticketkeycallback = () => noTicketKey;
  native.enableTicketKeyCallback();
  return context;
}

/** The option makes tickets of TLS 1.3 point into a cache that node keeps empty; with it the callback would not be asked. */
const secureOptions =
  'enableTicketKeyCallback' in createSecureContext().context ? undefined : constants.SSL_OP_NO_TICKET;

function compile(options: TlsContextOptions): SecureContext {
  try {
    return withoutTickets(
      createSecureContext({
        secureOptions,
        cert: options.certificateChainPem,
        key: options.privateKeyPem,
        ca: options.trustPem,
        minVersion: 'TLSv1.3',
        maxVersion: 'TLSv1.3',
      }),
    );
  } catch (error) {
    throw tlsFailure(`certificate chain: ${(error as Error).message}`);
  }
}

/** Each PEM by itself first, since OpenSSL's own error does not say which one it means, and takes a trust bundle without a certificate in it. */
function checkOptions(options: TlsContextOptions): void {
  const { side, certificateChainPem, privateKeyPem, trustPem, requirePeerCertificate } = options;
  if ((certificateChainPem === undefined) !== (privateKeyPem === undefined)) {
    throw tlsFailure('certificate chain and private key: one is given without the other');
  }
  if (side === 'server' && certificateChainPem === undefined) throw tlsFailure('certificate chain: a server needs one');
  if (side === 'server' && requirePeerCertificate && trustPem === undefined) {
    throw tlsFailure('trust bundle: a server that requires client certificates needs one');
  }
  if (trustPem !== undefined) readCertificates('trust bundle', trustPem);
  if (certificateChainPem === undefined || privateKeyPem === undefined) return;
  const [leaf] = readCertificates('certificate chain', certificateChainPem);
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    // The cause could quote key material.
    throw tlsFailure('private key: not a PEM private key');
  }
  if (!matches) throw tlsFailure('private key: not that of the first certificate in the chain');
}

function readCertificates(what: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (blocks === null) throw tlsFailure(`${what}: no PEM certificate in it`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw tlsFailure(`${what}: certificate ${index + 1} of ${blocks.length}: ${(error as Error).message}`);
    }
  });
}

function tlsFailure(message: string): IoFailure {
  return new IoFailure({ code: 'tls', message });
}
