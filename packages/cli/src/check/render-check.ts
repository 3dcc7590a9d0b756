import type { CheckLine } from './check.js';

const marks: Record<CheckLine['state'], string> = { ok: '√', warning: '‼', failed: '×' };

/** One line of the report, with its remedy below it. */
export function checkText(line: CheckLine): string {
  const text = `  ${marks[line.state]} ${line.fact}\n`;
  return line.remedy === undefined ? text : `${text}      ${line.remedy}\n`;
}

export function groupText(name: string, isFirst: boolean): string {
  return `${isFirst ? '' : '\n'}${name}\n`;
}

export function verdictText(lines: readonly CheckLine[]): string {
  const count = (state: CheckLine['state']): number => lines.filter((line) => line.state === state).length;
  const failures = count('failed');
  const warnings = count('warning');
  if (failures > 0) return `\n${failures} of ${lines.length} checks failed\n`;
  if (warnings > 0) return `\nthe mesh runs here, with ${warnings} of ${lines.length} checks to look at\n`;
  return `\nall ${lines.length} checks passed\n`;
}
