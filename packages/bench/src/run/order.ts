/** The order of one block of rounds: forward, then backward, so that a machine that warms up or slows down disturbs all systems alike. Pure. */
export function blockOrder<T>(systems: readonly T[], index: number): T[] {
  return index % 2 === 0 ? [...systems] : [...systems].reverse();
}
