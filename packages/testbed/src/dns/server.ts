import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import * as dns from 'dns-packet';
import { dnsTcpIdleMs, maxDnsTcpConnections, maxDnsUdpBytes } from '../limits.js';
import { answerDns } from './answer.js';
import type { DnsZone } from './zone.js';

export interface DnsServer {
  port: number;
  close(): void;
}

const truncated = 1 << 9;

/** Serves the zone over UDP and TCP on `host:port`; the zone is asked for at each question. Packets that are no query are dropped. */
export async function serveDns(host: string, port: number, zone: () => DnsZone): Promise<DnsServer> {
  let rotate = 0;
  const reply = (bytes: Buffer): dns.Packet | null => {
    try {
      const query = dns.decode(bytes);
      if (query.type !== 'query') return null;
      rotate += 1;
      return answerDns(query, zone(), rotate);
    } catch {
      return null;
    }
  };

  const tcp = createServer((socket) => serveTcp(socket, reply));
  tcp.maxConnections = maxDnsTcpConnections;
  tcp.listen(port, host);
  await once(tcp, 'listening');
  const address = tcp.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;

  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    const answer = reply(bytes);
    if (answer === null) return;
    let packet = dns.encode(answer);
    if (packet.length > maxDnsUdpBytes) {
      packet = dns.encode({ ...answer, answers: [], authorities: [], flags: (answer.flags ?? 0) | truncated });
    }
    // A pod that is gone makes the send fail; its question is moot then.
    udp.send(packet, from.port, from.address, () => {});
  });
  udp.bind(bound, host);
  await once(udp, 'listening');
  udp.on('error', () => {});
  tcp.on('error', () => {});
  return {
    port: bound,
    close: () => {
      udp.close();
      tcp.close();
    },
  };
}

/** Two bytes of length before each message (RFC 1035 section 4.2.2). */
function serveTcp(socket: Socket, reply: (bytes: Buffer) => dns.Packet | null): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(dnsTcpIdleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const answer = reply(pending.subarray(2, end));
      pending = pending.subarray(end);
      if (answer === null) {
        socket.destroy();
        return;
      }
      socket.write(dns.streamEncode(answer));
    }
  });
}
