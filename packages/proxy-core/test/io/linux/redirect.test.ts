import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const rules = `table inet test {
  chain output { type nat hook output priority -100; meta mark 1337 accept; tcp dport 8080 redirect to :15001; }
}`;
const script = `set -e
ip link set lo up
ip address add 10.99.0.1/32 dev lo
ip address add fd00:99::1/128 dev lo nodad
printf '%s' "$RULES" | nft -f -
exec "$NODE" --import=tsx "$CHILD"`;

/** A namespace of our own; as an ordinary user inside a user namespace. */
function runInNamespace(): { skip: string | undefined; output: string } {
  const isolate = process.getuid?.() === 0 ? ['--net'] : ['--map-root-user', '--net'];
  const child = fileURLToPath(new URL('./redirect-child.ts', import.meta.url));
  const probe = spawnSync('unshare', [...isolate, 'sh', '-c', 'ip -V && nft -v && nft list ruleset'], {
    encoding: 'utf8',
  });
  if (probe.error !== undefined) return { skip: `unshare cannot be started: ${probe.error.message}`, output: '' };
  if (probe.status !== 0)
    return { skip: `no network namespace with ip and nft here: ${probe.stderr.trim()}`, output: '' };
  const { stdout, stderr, status } = spawnSync('unshare', [...isolate, 'sh', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, RULES: rules, NODE: process.execPath, CHILD: child },
  });
  if (status !== 0) throw new Error(`in the namespace: ${stderr}`);
  return { skip: undefined, output: stdout };
}

const { skip, output } = runInNamespace();

t.test(
  'an intercepted connection knows where it was going, a marked one is not intercepted',
  { skip: skip ?? false },
  async (t) => {
    const [v4, v6, marked] = JSON.parse(output);
    t.equal(v4.port, 15_001);
    t.same(v4.destination, { host: '10.99.0.1', port: 8080 });
    t.equal(v4.local.port, 15_001);
    t.equal(v6.port, 15_001);
    t.same(v6.destination, { host: 'fd00:99::1', port: 8080 });
    t.equal(marked.port, 8080, 'SO_MARK let it pass');
    t.same(marked.destination, { host: '10.99.0.1', port: 8080 });
    t.same(marked.destination, marked.local, 'not redirected: the local address');
  },
);
