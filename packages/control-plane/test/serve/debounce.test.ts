import t from 'tap';
import { debounce } from '../../src/serve/debounce.js';

t.test('an action waits for a quiet, but not for ever', async (t) => {
  let now = 0;
  let timer: { at: number; callback: () => void } | undefined;
  const setTimer = (ms: number, callback: () => void) => {
    timer = { at: now + ms, callback };
    return () => {
      timer = undefined;
    };
  };
  const ran: number[] = [];
  const poke = debounce({ quietMs: 20, maxDelayMs: 100, now: () => now, setTimer }, () => ran.push(now));
  const advance = (to: number) => {
    while (timer !== undefined && timer.at <= to) {
      const { at, callback } = timer;
      timer = undefined;
      now = at;
      callback();
    }
    now = to;
  };
  poke();
  advance(15);
  poke();
  advance(34);
  t.same(ran, []);
  advance(35);
  t.same(ran, [35]);
  for (let at = 40; at <= 300; at += 10) {
    advance(at);
    poke();
  }
  t.same(ran, [35, 140, 240], 'a stream of calls is cut every 100 ms');
  advance(1000);
  t.equal(ran.length, 4);
});
