import { join } from 'node:path';
import { programOf, versionOf } from './find-program.js';
import { type ProxyPlan, type ProxySpec, type System, textOf } from './system.js';

const notes: string[] = [
  'one thread, as every proxy here has one; no log: HAProxy has none unless it is asked for, and it is the leanest form that is compared with',
  'http-reuse always: idle connections to the server are shared by all clients, as every other proxy here does',
  'TLS 1.3 only and no session resumption, so that a new connection is a full mutual handshake for everybody',
];

export const haproxy: System = {
  name: 'haproxy',
  find() {
    const program = programOf('haproxy');
    if (program === undefined) return { reason: 'haproxy is not here', install: 'tulle bench peers --install' };
    const version = /version (\S+)/.exec(versionOf(program, '-v'))?.[1] ?? '';
    return {
      title: `HAProxy ${version.split('-')[0]}`,
      version,
      unfit: () => undefined,
      plan: (proxy) => planOf(program, proxy),
      notes,
    };
  },
};

function planOf(program: readonly string[], proxy: ProxySpec): ProxyPlan {
  // -db: in the foreground, one process, no master.
  return {
    files: [{ name: 'haproxy.cfg', text: configOf(proxy) }],
    command: [...program, '-db', '-f', join(proxy.folder, 'haproxy.cfg')],
  };
}

function configOf({ listen, to, protocol, listenTls, toTls, connections }: ProxySpec): string {
  const isHttp = protocol === 'http1';
  const bindTls =
    listenTls === undefined
      ? ''
      : ` ssl crt ${listenTls.both} ca-file ${listenTls.ca} verify required ssl-min-ver TLSv1.3 no-tls-tickets`;
  const serverTls =
    toTls === undefined
      ? ''
      : ` ssl crt ${toTls.both} ca-file ${toTls.ca} verify required verifyhost ${toTls.peerName} sni str(${toTls.peerName})` +
        ' ssl-min-ver TLSv1.3 no-ssl-reuse';
  return [
    'global',
    '  nbthread 1',
    `  maxconn ${connections + 100}`,
    'defaults',
    `  mode ${isHttp ? 'http' : 'tcp'}`,
    '  timeout connect 10s',
    '  timeout client 600s',
    '  timeout server 600s',
    ...(isHttp ? ['  timeout http-keep-alive 600s', '  http-reuse always'] : []),
    'frontend in',
    `  bind ${textOf(listen)}${bindTls}`,
    `  maxconn ${connections + 50}`,
    '  default_backend out',
    'backend out',
    `  server s ${textOf(to)}${serverTls}`,
    '',
  ].join('\n');
}
