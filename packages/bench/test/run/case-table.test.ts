import t from 'tap';
import { renderCase } from '../../src/run/case-table.js';
import { madeUpCase } from '../compare/made-up-result.js';

const systems = [
  { name: 'direct', cpuUs: 1 },
  { name: 'tulle-linux', cpuUs: 12 },
  { name: 'haproxy', cpuUs: 13 },
  { name: 'nginx', cpuUs: 14 },
];
const made = madeUpCase({ systems, rounds: 4, seed: 1 });
const goals = ['haproxy', 'nginx'].map((against) => ({
  metric: made.definition.metrics[0],
  system: 'tulle-linux',
  against,
  ratio: 1,
}));
const sound = { ...made, definition: { ...made.definition, goals }, crossChecks: [] };

function linesOf(result: typeof sound): string[] {
  return renderCase(result)
    .split('\n')
    .map((line) => line.trim());
}

t.test('a row that is a measurement has figures and ratios', async (t) => {
  const lines = linesOf(sound);
  t.match(
    lines.find((line) => line.startsWith('haproxy ')),
    /[1-9]/,
  );
  t.equal(lines.filter((line) => line.includes('not measured')).length, 0);
});

t.test(
  'a row with one failed round has no figure, nobody is compared with it, and the round is named as the progress names it',
  async (t) => {
    const rounds = sound.rounds.map((round) =>
      round.system === 'haproxy' && round.index === 2
        ? { ...round, valid: false, invalid: ['proxy was killed by SIGKILL'] }
        : round,
    );
    const lines = linesOf({ ...sound, rounds });
    t.match(
      lines.find((line) => line.startsWith('haproxy, invalid')),
      /^haproxy, invalid[\s–]+$/,
    );
    const header = lines.find((line) => line.includes('/haproxy')) ?? '';
    t.match(header, /\/haproxy +\/nginx$/);
    t.match(
      lines.find((line) => line.startsWith('tulle-linux')),
      / {2}– +\d\.\d\d \(.*\)$/,
    );
    t.ok(lines.includes('haproxy is invalid: round 3: proxy was killed by SIGKILL'));
    t.match(
      lines.find((line) => line.includes('over haproxy')),
      /not measured$/,
    );
    t.match(
      lines.find((line) => line.includes('over nginx')),
      /held/,
    );
  },
);
