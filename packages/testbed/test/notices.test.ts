import t from 'tap';
import { Notices } from '../src/keeper/notices.js';

t.test('a notice stands until it is resolved, one about each matter', async (t) => {
  const notices = new Notices();
  t.equal(notices.tell('room', 'no space left'), true);
  t.equal(notices.tell('edit', 'a loop of links'), true);
  t.equal(notices.tell('room', 'no space left'), false, 'it is not said again while it is so');
  t.same(notices.list(), ['no space left', 'a loop of links']);
  t.equal(notices.tell('room', 'still no space left'), true);
  t.same(notices.list(), ['a loop of links', 'still no space left']);
  notices.resolve('edit');
  notices.resolve('what nobody said');
  t.same([notices.list(), notices.has('edit'), notices.has('room')], [['still no space left'], false, true]);
  notices.resolve('room');
  t.equal(notices.tell('room', 'still no space left'), true, 'when it comes back it is new');
});

t.test('of very many the oldest are dropped', async (t) => {
  const notices = new Notices();
  for (let i = 0; i < 100; i++) notices.tell(`pod ${i}`, `${i} failed`);
  t.equal(notices.list().length, 20);
  t.equal(notices.list().at(-1), '99 failed');
});
