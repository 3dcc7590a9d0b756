/** The order of one block of rounds: forward, then backward, so that a machine that warms up or slows down disturbs all systems alike. Pure. */
export function blockOrder<T>(systems: readonly T[], index: number): T[] {
  return index % 2 === 0 ? [...systems] : [...systems].reverse();
}

/**
 * The order of one block of three: all six orders in turn, each second one the mirror image of that before it. After every second block each has been before
 * each other one equally often, after six in every place equally often; with forward and backward alone the middle one would never lead. Pure.
 */
export function tripleOrder<T>(systems: readonly T[], index: number): T[] {
  if (systems.length !== 3) return blockOrder(systems, index);
  const rotation = Math.floor(index / 2) % 3;
  return blockOrder([...systems.slice(rotation), ...systems.slice(0, rotation)], index);
}
