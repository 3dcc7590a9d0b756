import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { programOf, unpackedRoot, versionOf } from './find-program.js';
import { type ProxyPlan, type ProxySpec, type System, textOf } from './system.js';

const notes: string[] = [
  'one worker, as every proxy here has one thread; no access log: the leanest form is compared with',
  'keepalive to the server and HTTP/1.1 upstream, as nginx advises for reverse proxies; its default would close each connection',
  'no buffering in files: bodies stay in memory, as in every other proxy here',
  'TLS 1.3 only and no session resumption, so that a new connection is a full mutual handshake for everybody',
];

const streamModule = 'usr/lib/nginx/modules/ngx_stream_module.so';

/** Path of the module that forwards TCP: the system's, or one that was unpacked. */
function streamModulePath(): string | undefined {
  return [`/${streamModule}`, join(unpackedRoot(), streamModule)].find((each) => existsSync(each));
}

export const nginx: System = {
  name: 'nginx',
  find() {
    const program = programOf('nginx');
    if (program === undefined) return { reason: 'nginx is not here', install: 'tulle bench peers --install' };
    const about = versionOf(program, '-V');
    const version = /nginx\/(\S+)/.exec(about)?.[1] ?? '';
    const isBuiltIn = / --with-stream(?: |$)/m.test(about);
    return {
      title: `nginx ${version}`,
      version,
      unfit: ({ protocol }) =>
        protocol === 'tcp' && !isBuiltIn && streamModulePath() === undefined
          ? 'it forwards TCP with its stream module, which is not here; to install it: tulle bench peers --install'
          : undefined,
      plan: (proxy) => planOf(program, proxy, isBuiltIn),
      notes,
    };
  },
};

function planOf(program: readonly string[], proxy: ProxySpec, isBuiltIn: boolean): ProxyPlan {
  const { folder, protocol, connections } = proxy;
  const isTcp = protocol === 'tcp';
  const text = [
    ...(isTcp && !isBuiltIn ? [`load_module ${streamModulePath()};`] : []),
    // The worker of a master that runs as root would become another user, who may not enter our folder.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1;',
    `worker_rlimit_nofile ${connections * 2 + 1000};`,
    'daemon off;',
    `pid ${join(folder, 'nginx.pid')};`,
    'events {',
    `  worker_connections ${connections * 2 + 100};`,
    '}',
    ...(isTcp ? streamOf(proxy) : httpOf(proxy)),
    '',
  ].join('\n');
  const file = join(folder, 'nginx.conf');
  return { files: [{ name: 'nginx.conf', text }], command: [...program, '-p', folder, '-e', 'stderr', '-c', file] };
}

function httpOf(proxy: ProxySpec): string[] {
  const { folder, listen, to, listenTls, toTls } = proxy;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'http {',
    '  access_log off;',
    ...temporary.map((each) => `  ${each}_temp_path ${join(folder, `${each}_temp`)};`),
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 600s;',
    '  client_max_body_size 0;',
    '  tcp_nodelay on;',
    '  upstream out {',
    `    server ${textOf(to)};`,
    '    keepalive 1024;',
    '    keepalive_requests 1000000000;',
    '    keepalive_timeout 600s;',
    '  }',
    '  server {',
    `    listen ${textOf(listen)}${listenTls === undefined ? '' : ' ssl'} backlog=4096;`,
    ...listenLines(proxy),
    '    location / {',
    `      proxy_pass ${toTls === undefined ? 'http' : 'https'}://out;`,
    '      proxy_http_version 1.1;',
    '      proxy_set_header Connection "";',
    '      proxy_set_header Host $host;',
    '      proxy_request_buffering off;',
    '      proxy_max_temp_file_size 0;',
    ...toLines(proxy).map((line) => `  ${line}`),
    '    }',
    '  }',
    '}',
  ];
}

function streamOf(proxy: ProxySpec): string[] {
  const { listen, to, listenTls, toTls } = proxy;
  return [
    'stream {',
    '  server {',
    `    listen ${textOf(listen)}${listenTls === undefined ? '' : ' ssl'} backlog=4096;`,
    '    tcp_nodelay on;',
    ...listenLines(proxy),
    `    proxy_pass ${textOf(to)};`,
    '    proxy_timeout 600s;',
    ...(toTls === undefined ? [] : ['    proxy_ssl on;']),
    ...toLines(proxy),
    '  }',
    '}',
  ];
}

function listenLines({ listenTls }: ProxySpec): string[] {
  if (listenTls === undefined) return [];
  return [
    `    ssl_certificate ${listenTls.certificate};`,
    `    ssl_certificate_key ${listenTls.key};`,
    `    ssl_client_certificate ${listenTls.ca};`,
    '    ssl_verify_client on;',
    '    ssl_protocols TLSv1.3;',
    '    ssl_session_tickets off;',
    '    ssl_session_cache off;',
  ];
}

function toLines({ toTls }: ProxySpec): string[] {
  if (toTls === undefined) return [];
  return [
    `    proxy_ssl_certificate ${toTls.certificate};`,
    `    proxy_ssl_certificate_key ${toTls.key};`,
    `    proxy_ssl_trusted_certificate ${toTls.ca};`,
    '    proxy_ssl_verify on;',
    `    proxy_ssl_name ${toTls.peerName};`,
    '    proxy_ssl_server_name on;',
    '    proxy_ssl_protocols TLSv1.3;',
    '    proxy_ssl_session_reuse off;',
  ];
}
