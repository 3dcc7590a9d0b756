/** Servers that other people wrote, each answering with what it read: method, target and body, marked with `x-echo`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { freePort, httpServer } from './fixture.js';

export interface BackEnd {
  readonly name: string;
  /** False where it can be started, else why not; for tap's `skip`. */
  readonly missing: string | false;
  /** Its port. */
  start(t: Test): Promise<number>;
}

/** What a server read. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

function program(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function nodeEcho(t: Test): Promise<number> {
  return httpServer(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('latin1');
      const seen: Seen = { method: request.method ?? '', url: request.url ?? '', body };
      response.writeHead(200, { 'x-echo': '1' }).end(JSON.stringify(seen));
    });
  });
}

function child(t: Test, file: string, args: readonly string[]): ChildProcess {
  const started = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => {
    started.kill('SIGKILL');
  });
  return started;
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-back-end-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until somebody listens there. */
async function reachable(port: number, started: ChildProcess): Promise<number> {
  for (;;) {
    if (started.exitCode !== null) throw new Error(`${started.spawnfile} ended with ${started.exitCode}`);
    const socket = net.connect({ host: '127.0.0.1', port });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return port;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** In front of an echo of node's, so that what nginx read is what it sends on. */
async function startNginx(t: Test): Promise<number> {
  const [echo, port, folder] = [await nodeEcho(t), await freePort(), folderOf(t)];
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; error_log /dev/null crit; pid ${folder}/pid;
    events { worker_connections 256; }
    http { access_log off; ${temporary.join(' ')} large_client_header_buffers 4 32k;
      upstream echo { server 127.0.0.1:${echo}; keepalive 8; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass http://echo; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; } } }`,
  );
  return reachable(port, child(t, program('nginx') ?? '', ['-c', file, '-p', folder]));
}

async function startHaproxy(t: Test): Promise<number> {
  const [echo, port, folder] = [await nodeEcho(t), await freePort(), folderOf(t)];
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `defaults\n mode http\n timeout client 30s\n timeout server 30s\n timeout connect 5s\n timeout http-keep-alive 30s\n
frontend f\n bind 127.0.0.1:${port}\n default_backend b\nbackend b\n http-reuse always\n server s 127.0.0.1:${echo}\n`,
  );
  return reachable(port, child(t, program('haproxy') ?? '', ['-q', '-db', '-f', file]));
}

async function startPython(t: Test): Promise<number> {
  const started = child(t, program('python3') ?? '', [fileURLToPath(new URL('./echo_server.py', import.meta.url))]);
  const [line] = (await once(started.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return Number(line.toString());
}

function needs(name: string): string | false {
  return program(name) === undefined ? `no ${name} on this machine` : false;
}

export const backEnds: readonly BackEnd[] = [
  { name: 'node:http', missing: false, start: nodeEcho },
  { name: 'nginx', missing: needs('nginx'), start: startNginx },
  { name: 'haproxy', missing: needs('haproxy'), start: startHaproxy },
  { name: 'python http.server', missing: needs('python3'), start: startPython },
];
