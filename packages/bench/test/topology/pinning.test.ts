import t from 'tap';
import { type Leave, pinned, pinningOf } from '../../src/topology/pinning.js';

const leave: Leave = { cpus: [0, 1, 4], mayPin: true, nice: -15, mayRealtime: true, mayTie: true };
const closed = { kind: 'closed', connections: 1, keepAlive: true, requestBytes: 0, responseBytes: 1 } as const;
const open = { ...closed, kind: 'open', rate: 1, arrivals: 'fixed', burst: 1 } as const;

t.test('one-cpu is the last CPU for everybody; apart is another one for generator and server', async (t) => {
  t.match(pinningOf({ placement: 'one-cpu', work: closed }, leave), { generator: '4', server: '4', proxies: '4' });
  t.match(pinningOf({ placement: 'apart', work: closed }, leave), { generator: '1', server: '1', proxies: '4' });
  t.match(pinningOf({ placement: 'apart', work: closed }, { ...leave, cpus: [0] }), { generator: '0', proxies: '0' });
});

t.test('the real-time class is for open loops only: a closed loop would never let go of the CPU', async (t) => {
  t.equal(pinningOf({ placement: 'apart', work: open }, leave).realtime, true);
  t.equal(pinningOf({ placement: 'apart', work: closed }, leave).realtime, false);
  t.equal(pinningOf({ placement: 'apart', work: open }, { ...leave, mayRealtime: false }).realtime, false);
});

t.test('what is not allowed is left out of the command', async (t) => {
  const all = pinningOf({ placement: 'one-cpu', work: open }, leave);
  t.strictSame(
    pinned(['x', 'y'], 'proxy', all, true).join(' '),
    'taskset -c 4 nice -n -15 chrt --rr 1 setpriv --pdeathsig KILL x y',
  );
  const none = pinningOf({ placement: 'apart', work: open }, { ...leave, mayPin: false, nice: 0, mayRealtime: false });
  t.strictSame(pinned(['x', 'y'], 'generator', none, false), ['x', 'y']);
});
