import t from 'tap';
import {
  bytesText,
  overheadTable,
  type PathMeasurement,
  ratioText,
  renderOverheadMarkdown,
  renderOverheadText,
  timeText,
} from '../src/table.js';

const direct: PathMeasurement = { name: 'direct', latencyUs: { p50: 80, p99: 210, p999: 900 }, invalid: [] };
const mesh: PathMeasurement = {
  name: 'through the mesh',
  latencyUs: { p50: 241, p99: 1234, p999: 3456 },
  invalid: [],
  cpuUsPerRequest: { client: 61.4, server: 58.4 },
  rssBytes: { client: 60 * 1024 * 1024, server: 58.4 * 1024 * 1024 },
};

t.test('the text table puts both ways side by side and says what the mesh added', (t) => {
  t.equal(
    renderOverheadText(overheadTable([direct, mesh])),
    [
      '                     p50      p99    p99.9       added p50        added p99     CPU a request           memory',
      'direct             80 µs   210 µs   900 µs               –                –                 –                –',
      'through the mesh  241 µs  1.23 ms  3.46 ms  +161 µs (×3.0)  +1.02 ms (×5.9)  61 + 58 = 119 µs  60 MiB + 58 MiB',
      'CPU and memory: the client’s sidecar + the server’s sidecar.',
      '',
    ].join('\n'),
  );
  t.end();
});

t.test('the Markdown table has the same cells', (t) => {
  const lines = renderOverheadMarkdown(overheadTable([direct, mesh])).split('\n');
  t.equal(lines[0], '|  | p50 | p99 | p99.9 | added p50 | added p99 | CPU a request | memory |');
  t.equal(lines[1], '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  t.match(lines[3], '| +161 µs (×3.0) | +1.02 ms (×5.9) | 61 + 58 = 119 µs |');
  t.end();
});

t.test('the JSON form has the differences and sums as numbers', (t) => {
  const [, row] = overheadTable([direct, mesh]).rows;
  t.strictSame(row.addedUs, { p50: 161, p99: 1024, p999: 2556 });
  t.equal(row.cpuUsPerRequest?.sum, 61.4 + 58.4);
  t.end();
});

t.test('an invalid run is shown as one, is compared with nothing, and says why', (t) => {
  const table = overheadTable([direct, { ...mesh, invalid: ['2 requests failed: 2 status'] }]);
  t.equal(table.rows[1].addedUs, undefined);
  const text = renderOverheadText(table);
  t.match(text, 'through the mesh, invalid');
  t.match(text, '(241 µs)');
  t.match(text, 'through the mesh is no measurement: 2 requests failed: 2 status');
  t.notMatch(text, '×');
  const base = overheadTable([{ ...direct, invalid: ['the generator was late'] }, mesh]);
  t.equal(base.rows[1].ratio, undefined, 'nor is a run compared with an invalid one');
  t.end();
});

t.test('a mesh that seems faster than the direct way keeps its sign', (t) => {
  const text = renderOverheadText(overheadTable([direct, { ...mesh, latencyUs: { p50: 76, p99: 210, p999: 900 } }]));
  t.match(text, '−4 µs (×0.95)');
  t.end();
});

t.test('figures carry no more digits than are known', (t) => {
  const ratios: [number | undefined, string][] = [
    [1.949, '×1.9'],
    [1, '×1.0'],
    [9.96, '×10'],
    [12.34, '×12'],
    [128, '×130'],
    [0.954, '×0.95'],
    [0.0512, '×0.051'],
    [undefined, '–'],
    [Number.POSITIVE_INFINITY, '–'],
    [Number.NaN, '–'],
  ];
  for (const [ratio, text] of ratios) t.equal(ratioText(ratio), text);
  const times: [number, string][] = [
    [0, '0 µs'],
    [87, '87 µs'],
    [999, '999 µs'],
    [999.6, '1 ms'],
    [1234, '1.23 ms'],
    [98_765, '98.8 ms'],
    [1_234_567, '1.23 s'],
  ];
  for (const [us, text] of times) t.equal(timeText(us), text);
  t.equal(bytesText(9.94 * 1024 * 1024), '9.9 MiB');
  t.equal(bytesText(61.4 * 1024 * 1024), '61 MiB');
  t.end();
});
