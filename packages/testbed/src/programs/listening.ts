import { readFileSync } from 'node:fs';

const listenState = '0A';

/**
 * TCP ports on which something listens in the network namespace of `pid`, on an address that `ip` reaches: itself or the
 * wildcard. Read from /proc/PID/net/tcp and tcp6, so that nothing connects to the program (a server that speaks first or
 * counts connections sees no stranger).
 */
export function listeningPorts(pid: number | 'self', ip: string): Set<number> {
  const ports = new Set<number>();
  for (const file of ['tcp', 'tcp6']) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${file}`, 'utf8');
    } catch {
      continue;
    }
    for (const port of parseListening(text, ip)) ports.add(port);
  }
  return ports;
}

/** The pure part: lines of /proc/net/tcp or tcp6 (proc(5)); addresses are words in the machine's byte order, here little endian. */
export function parseListening(text: string, ip: string): number[] {
  const wanted = hexOf(ip);
  const ports: number[] = [];
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] !== listenState) continue;
    const [address, port] = fields[1].split(':');
    const wildcard = /^0+$/.test(address);
    if (wildcard || address === wanted || address === `0000000000000000FFFF0000${wanted}`)
      ports.push(Number.parseInt(port, 16));
  }
  return ports;
}

function hexOf(ip: string): string {
  return ip
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, '0').toUpperCase())
    .join('');
}
