import t from 'tap';
import { readCase } from '../../src/cases/read-case.js';
import { envoyConfig } from '../../src/systems/envoy-config.js';
import { haproxy } from '../../src/systems/haproxy.js';
import { nginx } from '../../src/systems/nginx.js';
import { nodeHttp } from '../../src/systems/node-http.js';
import { isMissing, type ProxySpec, type System, type TlsEnd } from '../../src/systems/system.js';

const tls: TlsEnd = {
  certificate: '/c/own.pem',
  key: '/c/own-key.pem',
  both: '/c/both.pem',
  ca: '/c/ca.pem',
  peerUri: 'spiffe://bench.test/peer',
  peerName: 'peer.bench.test',
};
const plain: ProxySpec = {
  name: 'proxy',
  folder: '/run/proxy',
  listen: { host: '127.0.0.1', port: 1001 },
  to: { host: '127.0.0.1', port: 1002 },
  protocol: 'http1',
  listenTls: undefined,
  toTls: undefined,
  connections: 64,
};

/** Text of its configuration, where the program is on this machine. */
function textOf(system: System, proxy: ProxySpec): string | undefined {
  const found = system.find();
  return isMissing(found) ? undefined : found.plan(proxy).files[0].text;
}

for (const system of [haproxy, nginx]) {
  const found = system.find();
  const skip = isMissing(found) ? found.reason : false;
  t.test(
    `${system.name} verifies the other end in both directions, with TLS 1.3 and no resumption`,
    { skip },
    async (t) => {
      const listening = textOf(system, { ...plain, listenTls: tls }) ?? '';
      const connecting = textOf(system, { ...plain, toTls: tls }) ?? '';
      if (system === haproxy) {
        t.match(listening, /bind 127\.0\.0\.1:1001 ssl .*verify required ssl-min-ver TLSv1\.3 no-tls-tickets/);
        t.match(
          connecting,
          /server s 127\.0\.0\.1:1002 ssl .*verify required verifyhost peer\.bench\.test .*no-ssl-reuse/,
        );
      } else {
        t.match(listening, /ssl_verify_client on;[\s\S]*ssl_protocols TLSv1\.3;[\s\S]*ssl_session_tickets off;/);
        t.match(
          connecting,
          /proxy_ssl_verify on;[\s\S]*proxy_ssl_name peer\.bench\.test;[\s\S]*proxy_ssl_session_reuse off;/,
        );
      }
    },
  );
  t.test(`${system.name} keeps its connections to the server`, { skip }, async (t) => {
    t.match(textOf(system, plain) ?? '', system === haproxy ? /http-reuse always/ : /keepalive 1024;/);
  });
}

t.test('Envoy raises the maximum version too, wants a client certificate and names the peer it expects', async (t) => {
  const listening = JSON.stringify(envoyConfig({ ...plain, listenTls: tls }, 'bare'));
  t.match(listening, /"require_client_certificate":true/);
  for (const text of [listening, JSON.stringify(envoyConfig({ ...plain, toTls: tls }, 'bare'))]) {
    t.match(text, /"tls_minimum_protocol_version":"TLSv1_3","tls_maximum_protocol_version":"TLSv1_3"/);
    t.match(text, /"exact":"spiffe:\/\/bench\.test\/peer"/);
  }
});

t.test('only Envoy with a mesh’s features has them', async (t) => {
  const features = /file\.v3\.FileAccessLog|retry_policy|rbac\.v3\.RBAC|outlier_detection/g;
  t.equal(JSON.stringify(envoyConfig(plain, 'mesh')).match(features)?.length, 4);
  t.notMatch(JSON.stringify(envoyConfig(plain, 'bare')), features);
});

t.test('a system that cannot do a case says why', async (t) => {
  const found = nodeHttp.find();
  if (isMissing(found)) return t.fail('node is always here');
  t.equal(found.unfit(readCase('pair-mtls-1k')), undefined);
  t.equal(found.unfit(readCase('tcp-bulk')), 'node:http speaks HTTP only');
});
