import { escapeText } from './svg.js';

/** The frame of every page: one file, no script, nothing loaded from anywhere, light and dark as the reader's system is. */

const style = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1b2127;--soft:#5a6570;--line:#d9dee3;--band:#e9eef4;--card:#f6f8fa;
--base:#1f62ad;--head:#b8460e;--again:#7b8794;--bad:#b3261e;--good:#17703a;--same:#47525d;--open:#8a5a00;
--s0:#b8460e;--s1:#1f62ad;--s2:#17703a;--s3:#7a3fa0;--s4:#8a5a00;--s5:#0b7285;--s6:#a3195b;--s7:#5a6570}
@media (prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e4e8ec;--soft:#9aa5b0;--line:#2f3740;--band:#222b35;--card:#1a2027;
--base:#6cb0f5;--head:#ff9b66;--again:#93a0ad;--bad:#ff8078;--good:#5fd08a;--same:#b4bec8;--open:#e8b64c;
--s0:#ff9b66;--s1:#6cb0f5;--s2:#5fd08a;--s3:#c99bf0;--s4:#e8b64c;--s5:#5fd0df;--s6:#ff8fc0;--s7:#9aa5b0}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1060px;margin:0 auto;padding:24px 20px 60px}h1{font-size:26px;margin:0 0 4px}h2{font-size:20px;margin:40px 0 6px}h3{font-size:16px;margin:24px 0 4px}
p{margin:6px 0 12px;max-width:75ch}.soft,figcaption{color:var(--soft);font-size:14px}figure{margin:14px 0 22px}figcaption{max-width:85ch}
code{font:0.88em ui-monospace,monospace}pre{overflow:auto;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;font:13px/1.45 ui-monospace,monospace}
.verdict{border-left:6px solid var(--same);background:var(--card);padding:14px 18px;margin:18px 0;border-radius:4px}.verdict h1{margin:0}
.verdict.pass{border-color:var(--good)}.verdict.fail{border-color:var(--bad)}.verdict.inconclusive{border-color:var(--open)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px;margin:8px 0 16px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th{color:var(--soft);font-weight:600}
th:first-child,td:first-child,td.words,th.words{text-align:left}td.words{white-space:normal;min-width:11ch}
details{margin:10px 0}summary{cursor:pointer;color:var(--soft)}
svg{display:block;width:100%;height:auto;max-width:1000px;font:13px system-ui,sans-serif}svg text{fill:var(--ink)}svg text.tick{fill:var(--soft);font-size:12px}
.grid{stroke:var(--line);stroke-width:1}.zero{stroke:var(--soft);stroke-width:1.5}.band{fill:var(--band)}
.control{stroke:var(--again);stroke-width:2;opacity:.8}.interval{stroke-width:3}.curve{fill:none;stroke-width:2}.dot{opacity:.85}
${['base', 'head', 'again', 'bad', 'good', 'same', 'open', 's0', 's1', 's2', 's3', 's4', 's5', 's6', 's7']
  .map(
    (name) =>
      `.${name}{color:var(--${name})}svg text.${name}{fill:var(--${name})}.interval.${name},.curve.${name}{stroke:var(--${name})}.mark.${name},.dot.${name},.bar.${name}{fill:var(--${name})}`,
  )
  .join('\n')}
.whisker{stroke:var(--ink);stroke-width:1.5}.station{fill:var(--card);stroke:currentColor;stroke-width:2}.arrow{stroke:var(--soft);stroke-width:1.5}.arrowhead{fill:var(--soft)}
.curve.again{stroke-dasharray:5 4}@media print{details{display:block}}
`;

/** A whole page. @param body markup. */
export function page(title: string, body: readonly string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escapeText(title)}</title>`,
    // Nothing may be loaded or run, whatever a name in the results looks like.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<style>${style}</style></head><body><main>`,
    ...body,
    '</main></body></html>',
    '',
  ].join('\n');
}

/** A table of texts. @param words columns that are words and not figures, besides the first. */
export function tableMarkup(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  words: readonly number[] = [],
): string {
  const cell = (tag: string, text: string, column: number): string =>
    `<${tag}${words.includes(column) ? ' class="words"' : ''}>${escapeText(text)}</${tag}>`;
  const line = (tag: string, parts: readonly string[]): string =>
    `<tr>${parts.map((part, column) => cell(tag, part, column)).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${line('th', head)}</thead><tbody>${rows.map((row) => line('td', row)).join('')}</tbody></table></div>`;
}

/** A picture with what it shows below; nothing for a picture that has nothing to show. */
export function figureMarkup(svg: string, caption: string): string {
  return svg === '' ? '' : `<figure>${svg}<figcaption>${escapeText(caption)}</figcaption></figure>`;
}

export function paragraph(text: string, kind?: string): string {
  return `<p${kind === undefined ? '' : ` class="${kind}"`}>${escapeText(text)}</p>`;
}

export function heading(level: 1 | 2 | 3, text: string): string {
  return `<h${level}>${escapeText(text)}</h${level}>`;
}

export function list(items: readonly string[]): string {
  return items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeText(item)}</li>`).join('')}</ul>`;
}

/** Markup behind a line to click on. */
export function folded(summary: string, ...body: readonly string[]): string {
  return `<details><summary>${escapeText(summary)}</summary>${body.join('\n')}</details>`;
}

export function preformatted(text: string): string {
  return `<pre>${escapeText(text)}</pre>`;
}
