// Runs inside a network namespace that `unshare` made for it, and does there what the test asks for over IPC: sets rules,
// listens, dials, runs programs, and starts a second agent as the network beyond the pod. Ends with its channel.
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { applyInterception, interceptionRules, removeInterception } from '@tulle/injector';
import koffi from 'koffi';
import { replaceTable } from '../../dist/netlink/batch.js';
import { commit } from '../../dist/socket/netfilter-socket.js';

const getsockopt = koffi.load(null).func('int getsockopt(int, int, int, void *, void *)');
const clientPath = fileURLToPath(new URL('client.mjs', import.meta.url));
const agentPath = fileURLToPath(import.meta.url);

const operations = {
  apply: (rules) => applyInterception(interceptionRules(rules)),
  remove: () => removeInterception(),
  /** Past the checks of the rules, to have the kernel refuse something. */
  applyTable: (table) => commit(replaceTable(table)),
  /** Replaces the rules again and again, breathing between, until `stopReplacing`. Returns how often. */
  replaceUntilTold: async (rules) => {
    let times = 0;
    for (replacing = true; replacing; times++) {
      applyInterception(interceptionRules(rules));
      await new Promise(setImmediate);
    }
    return times;
  },
  stopReplacing: () => {
    replacing = false;
  },
  descriptors: () => readdirSync('/proc/self/fd').length,
  run: (command, args, input) => {
    const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8' });
    return { status, stdout, stderr: error ? String(error) : stderr };
  },
  /** Answers each connection with `PORT ORIGINAL-DESTINATION`. */
  listen: (host, port) =>
    new Promise((resolve, reject) => {
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.end(`${port} ${originalDestination(socket)}`);
      });
      server.once('error', reject).listen(port, host, () => resolve());
    }),
  echoTcp: (host, port) =>
    new Promise((resolve, reject) => {
      const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
      server.once('error', reject).listen(port, host, () => resolve());
    }),
  /** Opens a connection and holds it, for `say`. */
  open: (host, port) =>
    new Promise((resolve, reject) => {
      held = net.connect(port, host, () => resolve()).once('error', reject);
    }),
  /** Sends a text on the held connection. Returns what comes back, or the error that ends the connection. */
  say: (text) =>
    new Promise((resolve) => {
      held.removeAllListeners('data').removeAllListeners('error');
      held.once('data', (data) => resolve(String(data))).once('error', (error) => resolve(error.code));
      held.write(text);
    }),
  echoUdp: (host, port) =>
    new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (data, from) => socket.send(data, from.port, from.address));
      socket.once('error', reject).bind(port, host, () => resolve());
    }),
  askUdp: (host, port, text) =>
    new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4');
      socket.once('message', (data, from) => {
        socket.close();
        resolve(`${from.address}:${from.port} ${data}`);
      });
      socket.once('error', reject).send(text, port, host);
    }),
  /** Dials in a process of its own, see client.mjs. Returns the answers, one per connection. */
  dial: (host, port, options = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [clientPath, JSON.stringify({ host, port, ...options })]);
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
      });
      child.stderr.pipe(process.stderr);
      child.once('error', reject).once('close', () => resolve(out.trimEnd().split('\n')));
    }),
  startPeer: () => {
    peer = spawn('unshare', ['-n', process.execPath, agentPath], { stdio: ['ignore', 2, 2, 'ipc'] });
    return new Promise((resolve, reject) => {
      peer.once('error', reject).once('message', () => resolve(peer.pid));
    });
  },
  onPeer: (operation, args) =>
    new Promise((resolve, reject) => {
      peer.once('message', (reply) => (reply.error ? reject(new Error(reply.error.message)) : resolve(reply.value)));
      peer.send({ operation, args });
    }),
};

let peer;
let held;
let replacing = false;

process.on('message', async ({ id, operation, args }) => {
  try {
    process.send({ id, value: await operations[operation](...args) });
  } catch (error) {
    process.send({ id, error: { name: error.name, code: error.code, message: error.message } });
  }
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });

// linux/netfilter_ipv4.h SO_ORIGINAL_DST, linux/netfilter_ipv6/ip6_tables.h IP6T_SO_ORIGINAL_DST: 80 in both.
function originalDestination(socket) {
  const ipv4 = net.isIPv4(socket.remoteAddress) || socket.remoteAddress.startsWith('::ffff:');
  const address = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(ipv4 ? 16 : 28);
  if (getsockopt(socket._handle.fd, ipv4 ? 0 : 41, 80, address, length) < 0) return 'none';
  const port = address.readUInt16BE(2);
  if (ipv4) return `${address.subarray(4, 8).join('.')}:${port}`;
  return `${address.subarray(8, 24).toString('hex')}:${port}`;
}
