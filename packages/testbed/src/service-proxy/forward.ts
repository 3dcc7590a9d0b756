import { connect, type Socket } from 'node:net';
import { serviceProxyConnectMs } from '../limits.js';
import type { EndpointList } from './balance.js';

/**
 * Joins a client's connection to the first endpoint that accepts one. Bytes flow with the back pressure of `pipe`; an end
 * in one direction is passed on and the other direction stays open; a reset is passed on as a reset. The client must have
 * been accepted with `allowHalfOpen` and `pauseOnConnect`.
 */
export function forward(client: Socket, order: EndpointList): void {
  const [endpoint, ...others] = order;
  if (endpoint === undefined) {
    client.resetAndDestroy();
    return;
  }
  const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true });
  const slow = setTimeout(() => upstream.destroy(new Error('no answer')), serviceProxyConnectMs);
  const abandon = () => upstream.destroy();
  client.once('close', abandon);
  client.once('error', abandon);
  upstream.once('error', () => {
    clearTimeout(slow);
    client.off('close', abandon);
    client.off('error', abandon);
    if (!client.destroyed) forward(client, others);
  });
  upstream.once('connect', () => {
    clearTimeout(slow);
    upstream.removeAllListeners('error');
    client.off('close', abandon);
    client.off('error', abandon);
    join(client, upstream);
  });
}

function join(client: Socket, upstream: Socket): void {
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  client.on('error', () => upstream.resetAndDestroy());
  upstream.on('error', () => client.resetAndDestroy());
  // Gone without having ended both ways: nothing more will come, so the other side must not wait.
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}
