import { connect } from 'node:net';
import { probeTimeoutMs } from '../limits.js';

/** Those of `ports` that accept a connection on `ip`: where there is no /proc to read it from. */
export async function connectable(ip: string, ports: readonly number[]): Promise<Set<number>> {
  const answers = await Promise.all(ports.map(async (port) => ((await accepts(ip, port)) ? [port] : [])));
  return new Set(answers.flat());
}

function accepts(ip: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port, timeout: probeTimeoutMs });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => settle(true));
    socket.on('timeout', () => settle(false));
    socket.on('error', () => settle(false));
  });
}
