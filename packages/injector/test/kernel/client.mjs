// Opens TCP connections as a given user or with a given socket mark, which node:net cannot, and prints what the other side
// says, or the errno's name, one line a connection: {"host","port","uid"?,"mark"?,"times"?}
import net from 'node:net';
import os from 'node:os';
import koffi from 'koffi';

const { host, port, uid, mark, times = 1 } = JSON.parse(process.argv[2]);
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, void *, uint32_t)');
const connect = libc.func('int connect(int, void *, uint32_t)');
const recv = libc.func('intptr_t recv(int, void *, size_t, int)');
const close = libc.func('int close(int)');
const ANSWER_TIMEOUT_S = 10n;

if (uid !== undefined) process.setuid(uid);
for (let i = 0; i < times; i++) process.stdout.write(`${dial()}\n`);

function dial() {
  const ipv6 = net.isIPv6(host);
  const fd = socket(ipv6 ? 10 : 2, 1, 0);
  try {
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(ANSWER_TIMEOUT_S);
    for (const option of [20, 21]) if (setsockopt(fd, 1, option, timeout, 16) < 0) return errnoName('timeout');
    const value = Buffer.alloc(4);
    value.writeUInt32LE(mark ?? 0);
    if (mark !== undefined && setsockopt(fd, 1, 36, value, 4) < 0) return errnoName('SO_MARK');
    const address = ipv6 ? ipv6Address() : ipv4Address();
    if (connect(fd, address, address.length) < 0) return errnoName('connect');
    const buffer = Buffer.alloc(256);
    const length = recv(fd, buffer, buffer.length, 0);
    return length < 0 ? errnoName('recv') : buffer.toString('latin1', 0, Number(length));
  } finally {
    close(fd);
  }
}

function ipv4Address() {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(2);
  address.writeUInt16BE(port, 2);
  address.set(host.split('.').map(Number), 4);
  return address;
}

/** Takes `xxxx::y` only, which is all that the tests dial. */
function ipv6Address() {
  const address = Buffer.alloc(28);
  address.writeUInt16LE(10);
  address.writeUInt16BE(port, 2);
  const [head, tail] = host.split('::').map((group) => Number.parseInt(group, 16));
  address.writeUInt16BE(head, 8);
  address.writeUInt16BE(tail, 22);
  return address;
}

function errnoName(call) {
  const errno = koffi.errno();
  const name = Object.entries(os.constants.errno).find(([, value]) => value === errno)?.[0] ?? errno;
  return `${call} ${name}`;
}
