/** Colours that can be told apart, light and dark; classes of the style sheet. */
const colours = ['s0', 's1', 's2', 's3', 's4', 's5', 's6'] as const;

/** A colour for each system, the same in every picture of a case; `direct` is grey. More systems than colours start over. Pure. */
export function colourOf(systems: readonly string[]): (system: string) => string {
  const coloured = systems.filter((name) => name !== 'direct');
  return (system) => (system === 'direct' ? 's7' : colours[Math.max(0, coloured.indexOf(system)) % colours.length]);
}
