import { closeSync, openSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { captureIntervalMs, captureSocketBufferBytes, maxCaptureBytes } from '../limits.js';
import type { CaptureResult } from '../protocol.js';
import { pcapHeader, pcapPacket, snapLength } from './pcap.js';

export interface Capture {
  stop(): Promise<CaptureResult>;
}

// packet(7), socket(7): numbers of Linux on x86-64 and arm64.
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_RCVBUF = 8;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const EAGAIN = 11;
const EINTR = 4;
const ENETDOWN = 100;

/**
 * Records every packet that passes an interface of this network namespace, both ways, into a pcap file, until it is stopped or
 * `maxCaptureBytes` are reached. Needs CAP_NET_RAW here. Throws when the interface or the file cannot be opened.
 */
export function startCapture(interfaceName: string, file: string): Capture {
  const libc = openLibc();
  const fd = libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, swap16(ETH_P_ALL));
  if (fd < 0) throw new Error(`cannot capture: socket(AF_PACKET): errno ${koffi.errno()}`);
  let output: number;
  try {
    const size = Buffer.alloc(4);
    size.writeInt32LE(captureSocketBufferBytes);
    if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) < 0)
      libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, 4);
    const address = linkAddress(interfaceIndex(interfaceName));
    if (libc.bind(fd, address, address.length) < 0) {
      throw new Error(`cannot capture on ${interfaceName}: bind: errno ${koffi.errno()}`);
    }
    output = openSync(file, 'w', 0o600);
    writeSync(output, pcapHeader());
  } catch (error) {
    libc.close(fd);
    throw error;
  }

  const buffer = Buffer.alloc(snapLength);
  const result = { file, packets: 0, bytes: 0, dropped: 0, full: false };
  let open = true;
  const drain = (): void => {
    while (open) {
      const length = Number(libc.recv(fd, buffer, buffer.length, 0));
      if (length < 0) {
        const errno = koffi.errno();
        if (errno === EINTR) continue;
        if (errno !== EAGAIN && errno !== ENETDOWN) finish();
        return;
      }
      const record = pcapPacket(buffer.subarray(0, length), Date.now());
      if (result.bytes + record.length > maxCaptureBytes) {
        result.full = true;
        finish();
        return;
      }
      writeSync(output, record);
      result.packets += 1;
      result.bytes += record.length;
    }
  };
  const timer = setInterval(drain, captureIntervalMs);
  const finish = (): void => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    const statistics = Buffer.alloc(8);
    const length = Buffer.from([8, 0, 0, 0]);
    if (libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, statistics, length) === 0) {
      result.dropped = statistics.readUInt32LE(4);
    }
    libc.close(fd);
    closeSync(output);
  };
  return {
    stop: async () => {
      drain();
      finish();
      return result;
    },
  };
}

/** struct sockaddr_ll with the family, the protocol and the interface. */
function linkAddress(index: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  address.writeInt32LE(index, 4);
  return address;
}

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  recv(fd: number, buffer: Buffer, length: number, flags: number): number | bigint;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number;
  close(fd: number): number;
  if_nametoindex(name: string): number;
}

let loaded: Libc | null = null;

function openLibc(): Libc {
  if (loaded !== null) return loaded;
  const library = koffi.load(null);
  loaded = {
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, const void *, uint32_t)'),
    recv: library.func('intptr_t recv(int, _Out_ void *, size_t, int)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    getsockopt: library.func('int getsockopt(int, int, int, _Out_ void *, _Inout_ void *)'),
    close: library.func('int close(int)'),
    if_nametoindex: library.func('unsigned int if_nametoindex(const char *)'),
  };
  return loaded;
}

function interfaceIndex(name: string): number {
  const index = openLibc().if_nametoindex(name);
  if (index === 0) throw new Error(`cannot capture on ${name}: no such interface`);
  return index;
}

/** Network byte order of a 16 bit number. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}
