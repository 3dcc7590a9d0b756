#!/usr/bin/env node
/*
 * Writes docs/api.md, the reference of @tulle/proxy-core, from the declarations that the compiler made of its sources: what `src/index.ts` exports, in that order, with its
 * docstrings, of which none may be missing. With `--check` it writes nothing, and ends with 1 when the page is not what it would write. Needs the build.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'packages/proxy-core/dist');
const page = join(root, 'docs/api.md');
const intro = `<!-- Written by scripts/api-docs.mjs from the docstrings: change those. -->
# API of @tulle/proxy-core

What the package exports, as the compiler sees it. How to begin is in its [README](../packages/proxy-core/README.md), programs to run are in
\`packages/proxy-core/examples/\`. What is not on this page may change in any release.
`;

const declared = new Map();
/** What a program begins with; the rest follows in the order of the index. */
const first = [
  'createProxy',
  'ProxyOptions',
  'Proxy',
  'CloseOptions',
  'forward',
  'ForwardOptions',
  'PemFiles',
  'PemTexts',
  'ProxyError',
];
const rank = ({ name }) => (first.includes(name) ? first.indexOf(name) : first.length);
const sections = [...exportsOf(join(dist, 'index.d.ts'))].sort((a, b) => rank(a) - rank(b));
const missing = sections.filter(({ declaration }) => declaration === undefined);
if (missing.length > 0) throw new Error(`no declaration found of ${missing.map(({ name }) => name).join(', ')}`);
const bare = sections.filter(({ declaration }) => declaration.doc === '');
if (bare.length > 0) throw new Error(`exported without a docstring: ${bare.map(({ name }) => name).join(', ')}`);
const contents = sections.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(' · ');
const text = `${intro}\n${contents}\n${sections.map(render).join('')}`;
if (!process.argv.includes('--check')) {
  writeFileSync(page, text);
  console.log(`api: ${sections.length} exports`);
} else if (readOr(page, '') !== text) {
  console.error('docs/api.md is not what the docstrings say: run `node scripts/api-docs.mjs`');
  process.exitCode = 1;
} else {
  console.log(`api: ${sections.length} exports, current`);
}

/** Each exported name with its declaration, in the order of the file. */
function* exportsOf(file) {
  for (const [, isAll, names, from] of readFileSync(file, 'utf8').matchAll(
    /^export (?:type )?(?:(\*)|\{([^}]*)\}) from '([^']+)';/gm,
  )) {
    const declarations = declarationsOf(resolve(dirname(file), from.replace(/\.js$/, '.d.ts')));
    const wanted = isAll
      ? [...declarations.keys()]
      : names.split(',').map((name) => name.replace(/^\s*type\s/, '').trim());
    for (const name of wanted) yield { name, declaration: declarations.get(name) };
  }
}

/**
 * Exported declarations of a file: `{ doc, code }` by name. The compiler writes them one after the other, each beginning in the first column. A type ends with a semicolon only:
 * where a member of a union has a docstring, the `}` of the one before it stands alone.
 */
function declarationsOf(file) {
  if (declared.has(file)) return declared.get(file);
  const found = new Map();
  declared.set(file, found);
  let doc = [];
  let code = [];
  let state = 'between';
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (state === 'between') {
      if (line.startsWith('/**')) {
        doc = [];
        state = 'doc';
      } else if (/^export (?!\{|type \{|\*|type \*)/.test(line)) {
        code = [];
        state = 'code';
      } else if (line.trim() !== '') {
        // Else a declaration of which a part was taken for the whole would be shown cut off.
        if (!/^(?:(?:import|export|declare|interface|type)\b|\/\/)/.test(line))
          throw new Error(`${file}: not understood: ${line}`);
        doc = [];
      }
    }
    if (state === 'doc') {
      doc.push(line);
      if (line.trimEnd().endsWith('*/')) state = 'between';
    } else if (state === 'code') {
      code.push(line);
      const isWhole =
        (line === '}' && !/^export (?:declare )?type /.test(code[0])) ||
        line === '};' ||
        (/^\S.*;$/.test(line) && isBalanced(code)) ||
        (line.endsWith(';') && isBalanced(code));
      if (!isWhole) continue;
      const [, name] =
        /^export (?:declare )?(?:abstract )?(?:interface|type|class|function|const) (\w+)/.exec(code[0]) ?? [];
      if (name === undefined) throw new Error(`${file}: not understood: ${code[0]}`);
      found.set(name, { doc: prose(doc), code: code.filter((each) => !/^\s+private /.test(each)).join('\n') });
      doc = [];
      state = 'between';
    }
  }
  return found;
}

function isBalanced(lines) {
  const text = lines
    .join('\n')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/'[^']*'/g, '');
  return [...text].reduce((depth, one) => depth + ('{(['.includes(one) ? 1 : '})]'.includes(one) ? -1 : 0), 0) === 0;
}

/** The inside of a docstring as Markdown. */
function prose(lines) {
  return lines
    .join('\n')
    .replace(/^\/\*\*\s?/, '')
    .replace(/\s*\*\/$/, '')
    .replace(/^\s*\* ?/gm, '')
    .trim();
}

function render({ name, declaration: { doc, code } }) {
  const shown = code.replace(/^export (declare )?/, '').replaceAll('    ', '  ');
  return `\n## ${name}\n${doc === '' ? '' : `\n${doc}\n`}\n\`\`\`ts\n${shown}\n\`\`\`\n`;
}

function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return otherwise;
    throw error;
  }
}
