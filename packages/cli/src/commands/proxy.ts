import { lookup } from 'node:dns/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { WrongUse } from '../failure.js';
import type { Finish } from '../finish.js';
import type { TlsFiles } from '../proxy/certificates.js';
import type { RunProxyOptions } from '../proxy/run.js';
import { type Address, address, addresses, collect, text, wholeNumber } from '../values.js';

const examples = `
Examples:
  $ tulle proxy --listen 127.0.0.1:8080 --to 127.0.0.1:3000
      one hop in front of a server on port 3000, with an access log on standard output

  $ tulle proxy --listen :5432 --to 10.0.0.7:5432,10.0.0.8:5432 --protocol tcp
      TCP over two servers

  $ tulle proxy --listen :8443 --to 127.0.0.1:3000 \\
      --listen-cert server.pem --listen-key server-key.pem --listen-ca ca.pem \\
      --allow-san spiffe://cluster.local/ns/default/sa/client
      accept mutual TLS 1.3 from one identity only; an HTTP server learns it from x-forwarded-client-cert

It runs in the foreground and prints one line when it listens: on standard output, or on standard error where standard output is the access log.
SIGTERM and SIGINT drain, a second one ends it at once. Certificates are read again when their files change, and on SIGHUP.
Ends with 0 after a drain, 1 when it cannot start, 2 for wrong use.`;

interface Flags {
  listen: Address;
  to: Address[];
  protocol: RunProxyOptions['protocol'];
  listenCert?: string;
  listenKey?: string;
  listenCa?: string;
  allowSan?: string[];
  toCert?: string;
  toKey?: string;
  toCa?: string;
  toSan?: string[];
  toSni?: string;
  accessLog: string;
  accessLogFormat: RunProxyOptions['accessLogFormat'];
  engine: RunProxyOptions['engine'];
  concurrency: number;
  path?: string[];
  admin?: Address;
}

export function proxyCommand(finish: Finish): Command {
  return new Command('proxy')
    .summary('one proxy without a mesh')
    .description('Forwards HTTP/1.1 or TCP from one address to others, with the proxy that the mesh is made of.')
    .requiredOption('--listen <addr:port>', 'where clients connect', address)
    .requiredOption('--to <addr:port,...>', 'where requests go; names are looked up once, at the start', addresses)
    .addOption(new Option('--protocol <kind>', 'what is spoken').choices(['auto', 'http', 'tcp']).default('auto'))
    .optionsGroup('mTLS towards the client (TLS 1.3):')
    .option('--listen-cert <file>', 'certificate chain, PEM')
    .option('--listen-key <file>', 'its key, PEM')
    .option('--listen-ca <file>', 'CAs that client certificates must come from, PEM')
    .option('--allow-san <uri>', 'a URI that a client certificate may carry; repeatable', collect(text))
    .optionsGroup('mTLS towards the server:')
    .option('--to-cert <file>', 'certificate chain to show, PEM')
    .option('--to-key <file>', 'its key, PEM')
    .option('--to-ca <file>', 'CAs that the server certificate must come from, PEM')
    .option('--to-san <uri>', 'a URI that the server certificate may carry; repeatable', collect(text))
    .option('--to-sni <name>', 'server name to ask for')
    .optionsGroup('Options:')
    .option('--access-log <file|-|off>', 'where a line per request goes', logTarget, '-')
    .addOption(
      new Option('--access-log-format <name>', 'how lines are written').choices(['json', 'text']).default('json'),
    )
    .addOption(
      new Option('--engine <name>', 'how sockets are driven').choices(['auto', 'linux', 'portable']).default('auto'),
    )
    .option('--path <option=value>', 'how paths are read, as docs/paths.md has it; repeatable', collect(text))
    .option('--concurrency <n>', 'data threads', wholeNumber(1, 256), 1)
    .option('--admin <addr:port>', 'answers /ready, /metrics and /clusters here', address)
    .addHelpText('after', examples)
    .action(async (flags: Flags) => {
      const options = proxyOptions(flags);
      const to = await Promise.all(options.to.map(resolved));
      const listen = await resolved(options.listen);
      const admin = options.admin === undefined ? undefined : await resolved(options.admin);
      const { pathOptionsOf } = await import('../proxy/path-options.js');
      const path = pathOptionsOf(flags.path ?? []);
      const { runProxy } = await import('../proxy/run.js');
      finish(await runProxy({ ...options, listen, to, admin, path }));
    });
}

/**
 * Pure: the flags as the proxy wants them.
 * @throws WrongUse when TLS options are given in part.
 */
export function proxyOptions(flags: Omit<Flags, 'path'>): Omit<RunProxyOptions, 'path'> {
  const { listen, to, protocol, accessLog, accessLogFormat, engine, concurrency, admin } = flags;
  const listenTls = listenTlsOf(flags);
  const toTls = toTlsOf(flags);
  return { listen, to, protocol, listenTls, toTls, accessLog, accessLogFormat, engine, concurrency, admin };
}

function listenTlsOf(flags: Flags): TlsFiles | undefined {
  const files = together('--listen-cert, --listen-key and --listen-ca', [
    flags.listenCert,
    flags.listenKey,
    flags.listenCa,
  ]);
  if (files === undefined) {
    if (flags.allowSan === undefined) return undefined;
    throw new WrongUse(
      '--allow-san needs --listen-cert, --listen-key and --listen-ca: without TLS a client has no identity',
    );
  }
  const [certificateFile, keyFile, caFile] = files;
  return { certificateFile, keyFile, caFile, allowedUris: flags.allowSan ?? [] };
}

function toTlsOf(flags: Flags): TlsFiles | undefined {
  const files = together('--to-cert, --to-key and --to-ca', [flags.toCert, flags.toKey, flags.toCa]);
  if (files === undefined) {
    if (flags.toSan === undefined && flags.toSni === undefined) return undefined;
    throw new WrongUse(
      '--to-san and --to-sni need --to-cert, --to-key and --to-ca: without TLS a server shows no name',
    );
  }
  const [certificateFile, keyFile, caFile] = files;
  return { certificateFile, keyFile, caFile, allowedUris: flags.toSan ?? [], serverName: flags.toSni };
}

/** `callback` is a word of the library's: a file of that name has a path. */
function logTarget(value: string): string {
  if (value === '') throw new InvalidArgumentError('Write a file, - for standard output, or off.');
  return value === 'callback' ? './callback' : value;
}

/** All or none. */
function together(names: string, values: (string | undefined)[]): string[] | undefined {
  const given = values.filter((value) => value !== undefined);
  if (given.length === 0) return undefined;
  if (given.length < values.length) throw new WrongUse(`${names} belong together: give all of them or none`);
  return given;
}

async function resolved(target: Address): Promise<Address> {
  try {
    return { host: (await lookup(target.host)).address, port: target.port };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new WrongUse(`${target.host} has no address (${code}): check the name or write the IP address`);
  }
}
