// Forwards TCP: whatever connects to one port is connected to another, byte for byte, each direction ending on its own.
import { once } from 'node:events';
import net from 'node:net';
import { createProxy, forward } from '@tulle/proxy-core';

// A server to forward to: it repeats what it is told.
const server = net.createServer((socket) => void socket.pipe(socket));
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = /** @type {net.AddressInfo} */ (server.address());

const proxy = await createProxy(forward({ listen: '127.0.0.1:0', to: [`127.0.0.1:${port}`], protocol: 'tcp' }));

const client = net.connect(proxy.address().port, '127.0.0.1');
client.end('hello');
let answer = '';
for await (const part of client) answer += part;
console.log(`through the proxy: ${answer}`);

await proxy.close();
server.close();
