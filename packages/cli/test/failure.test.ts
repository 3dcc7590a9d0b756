import { CommanderError } from 'commander';
import t from 'tap';
import { endingOf, WrongUse } from '../src/failure.js';

t.test('help is success, other words of the parser are wrong use and have been said already', (t) => {
  t.strictSame(endingOf(new CommanderError(0, 'commander.helpDisplayed', ''), false), { code: 0, text: undefined });
  t.strictSame(endingOf(new CommanderError(1, 'commander.unknownOption', 'x'), false), { code: 2, text: undefined });
  t.end();
});

t.test('errors are one sentence; our own bugs say how to see more', (t) => {
  t.strictSame(endingOf(new WrongUse('do this'), false), { code: 2, text: 'tulle: do this' });
  t.strictSame(endingOf(new Error('the disk is full: make room'), false), {
    code: 1,
    text: 'tulle: the disk is full: make room',
  });
  t.match(endingOf(new TypeError('x is not a function'), false), { code: 1, text: /TULLE_DEBUG=1/ });
  t.match(endingOf(new TypeError('x is not a function'), true), { code: 1, text: /\n {4}at / });
  t.strictSame(endingOf('odd', false), { code: 1, text: 'tulle: odd (set TULLE_DEBUG=1 to see where)' });
  t.end();
});
