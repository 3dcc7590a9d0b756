import t from 'tap';
import {
  hasListener,
  readCpuList,
  readCpus,
  readSchedstat,
  readStat,
  readStatus,
} from '../../src/accounting/proc-files.js';
import { cpusBetween, snapshotOf, useBetween } from '../../src/accounting/snapshot.js';

t.test('schedstat gives time on a CPU and time waiting for one, in ns', async (t) => {
  t.strictSame(readSchedstat('123456789 4242 17\n'), { cpuNs: 123_456_789, waitNs: 4242 });
  t.throws(() => readSchedstat(''), /no schedstat/);
});

t.test('the name in stat may hold spaces and parentheses', async (t) => {
  const fields = [
    'S',
    '1',
    '7',
    '7',
    '0',
    '-1',
    '4194560',
    '9',
    '0',
    '0',
    '0',
    '31',
    '12',
    '0',
    '0',
    '20',
    '0',
    '11',
    '0',
    '987654',
    '1',
    '2',
  ];
  t.strictSame(readStat(`42 (a (b) c) ${fields.join(' ')}\n`), {
    name: 'a (b) c',
    userTicks: 31,
    systemTicks: 12,
    startTicks: 987_654,
  });
  t.throws(() => readStat('no process'), /no stat/);
});

t.test(
  'status gives memory in bytes and both kinds of context switches, and no memory for a process that ends',
  async (t) => {
    const text = 'Name:\tx\nVmRSS:\t    1024 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n';
    t.strictSame(readStatus(text), { rssBytes: 1024 * 1024, voluntarySwitches: 5, involuntarySwitches: 6 });
    t.equal(readStatus('Name:\tx\n').rssBytes, 0);
  },
);

t.test('the CPUs of /proc/stat: nice counts as user, irq as softirq, iowait as idle', async (t) => {
  const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 10 50 1000 5 1 2 3 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\nintr 1\n';
  const before = readCpus(text);
  t.strictSame(before[0], { cpu: 0, user: 110, system: 50, softirq: 3, idle: 1005, steal: 3 });
  const after = readCpus(text.replace('cpu0 100', 'cpu0 150'));
  t.strictSame(cpusBetween(before, after, [0]), [{ cpu: 0, userS: 0.5, systemS: 0, softirqS: 0, idleS: 0, stealS: 0 }]);
});

t.test('lists of CPUs as the kernel writes them', async (t) => {
  t.strictSame(readCpuList('0-2,5\n'), [0, 1, 2, 5]);
  t.throws(() => readCpuList('all'), /no list of CPUs/);
});

t.test(
  'between two snapshots a thread that was there counts by its difference, one that is new as a whole',
  async (t) => {
    const thread = {
      tid: 1,
      name: 'a',
      cpuNs: 100,
      waitNs: 10,
      userTicks: 1,
      systemTicks: 1,
      voluntarySwitches: 4,
      involuntarySwitches: 1,
    };
    const before = { pid: 9, startTicks: 1, rssBytes: 5, threads: [thread, { ...thread, tid: 3 }] };
    const after = {
      pid: 9,
      startTicks: 1,
      rssBytes: 8,
      threads: [
        { ...thread, cpuNs: 350 },
        { ...thread, tid: 2, cpuNs: 70 },
      ],
    };
    const use = useBetween({ role: 'proxy', name: 'proxy', pid: 9 }, before, after);
    t.strictSame(
      use.threads.map(({ tid, cpuNs }) => [tid, cpuNs]),
      [
        [1, 250],
        [2, 70],
      ],
    );
    t.strictSame([use.rssBeforeBytes, use.rssAfterBytes], [5, 8]);
  },
);

t.test(
  'this very process has threads, memory and CPU time; one that is not there has no snapshot',
  { skip: process.platform === 'linux' ? false : 'needs /proc' },
  async (t) => {
    const snapshot = snapshotOf(process.pid);
    t.ok(snapshot !== undefined && snapshot.rssBytes > 1e6 && snapshot.threads.length > 1);
    t.ok(snapshot?.threads.some((each) => each.cpuNs > 0));
    // The largest id that Linux gives is 2^22.
    t.equal(snapshotOf(2 ** 22 + 1), undefined);
  },
);

t.test('who listens is read from the kernel: the port of the local address, and the state LISTEN', async (t) => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000
  12: 00000000:0050 00000000:0000 0A 00000000:00000000
`;
  t.strictSame(
    [8080, 8081, 80, 39_321].map((port) => hasListener(text, port)),
    [true, false, true, false],
  );
});
