import { createServer, type Server, type Socket } from 'node:net';
import { serviceProxyAttempts } from '../limits.js';
import type { ServedService } from '../provider.js';
import { attemptOrder, type EndpointList } from './balance.js';
import { forward } from './forward.js';

interface Listener {
  server: Server;
  sockets: Set<Socket>;
  endpoints: EndpointList;
  turn: number;
}

/**
 * What kube-proxy does for pods without a sidecar, in its oldest, userspace form: listens on every ClusterIP and port and
 * forwards to the ready endpoints in turn. A service without a ready endpoint has no listener, so that a client is
 * refused at once, as in Kubernetes. TCP only.
 */
export class ServiceProxy {
  readonly #listeners: Map<string, Listener> = new Map();

  /** Makes the listeners those of `services`; connections that are open stay open. Returns a message for each port that could not be opened. */
  async update(services: readonly ServedService[]): Promise<string[]> {
    const wanted = new Map<string, { ip: string; port: number; endpoints: EndpointList }>();
    for (const service of services) {
      if (service.clusterIp === null) continue;
      for (const { port, endpoints } of service.ports) {
        const ready = endpoints.filter((endpoint) => endpoint.ready);
        if (port.protocol !== 'TCP' || ready.length === 0) continue;
        wanted.set(`${service.clusterIp}:${port.port}`, { ip: service.clusterIp, port: port.port, endpoints: ready });
      }
    }
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      listener.server.close();
      this.#listeners.delete(key);
    }
    const failures: string[] = [];
    for (const [key, { ip, port, endpoints }] of wanted) {
      const listener = this.#listeners.get(key);
      if (listener !== undefined) listener.endpoints = endpoints;
      else {
        await this.#open(key, ip, port, endpoints).catch((error: Error) => {
          failures.push(`service address ${key}: ${error.message}`);
        });
      }
    }
    return failures;
  }

  close(): void {
    for (const { server, sockets } of this.#listeners.values()) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
    this.#listeners.clear();
  }

  async #open(key: string, ip: string, port: number, endpoints: EndpointList): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      listener.sockets.add(socket);
      socket.on('close', () => listener.sockets.delete(socket));
      socket.on('error', () => {});
      forward(socket, attemptOrder(listener.endpoints, listener.turn, serviceProxyAttempts));
      listener.turn += 1;
    });
    const listener: Listener = { server, sockets: new Set(), endpoints, turn: 0 };
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, ip, () => {
        server.off('error', reject);
        server.on('error', () => {});
        resolve();
      });
    });
    this.#listeners.set(key, listener);
  }
}
