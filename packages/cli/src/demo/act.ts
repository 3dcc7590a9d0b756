import type { Teller } from './teller.js';
import type { World } from './world.js';

/** One step of the story: what is done, and what must be seen. The end-to-end tests run the same. */
export interface Act {
  /** Stable name, for `-o json`. */
  id: string;
  title: string;
  /** Tells every check that it makes. Throws only when the story cannot go on. */
  run(world: World, tell: Teller): Promise<void>;
}

/**
 * Plays the acts in order. An act that throws has failed, and the next is played all the same: each says for itself what holds.
 * @throws when the signal aborts.
 */
export async function play(acts: readonly Act[], world: World, tell: Teller): Promise<void> {
  for (const act of acts) {
    world.signal.throwIfAborted();
    tell.act(act);
    try {
      await act.run(world, tell);
    } catch (error) {
      world.signal.throwIfAborted();
      tell.check('finished', false, 'this step could be made', (error as Error).message);
    }
  }
}
