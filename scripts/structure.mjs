#!/usr/bin/env node
/*
 * The rules of ARCHITECTURE.md that a machine can check: who may import whom, no import cycles, stages that do not know each other, no clock or randomness outside
 * io/, file sizes, and documents whose paths exist. Prints each breach with its place; exit code 1 if there is one.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const breaches = [];
const breach = (place, message) => breaches.push(`${place}: ${message}`);

/** Packages of this repository that each may import at run time. */
const allowed = {
  api: [],
  xds: [],
  'proxy-core': [],
  sidecar: ['proxy-core', 'xds'],
  'control-plane': ['api', 'xds'],
  injector: [],
  bench: [],
  testbed: ['api'],
  testkit: ['proxy-core'],
  cli: ['bench', 'control-plane', 'injector', 'proxy-core', 'sidecar', 'testbed'],
};
/** Stages of the data plane: folders of proxy-core that must not know each other, except what is listed. */
const stages = [
  'listen',
  'detect',
  'secure',
  'codec',
  'route',
  'policy',
  'filter',
  'balance',
  'pool',
  'forward',
  'respond',
  'observe',
];
/** Compiled forms that one stage holds of another, by type only. */
const typeOnly = new Set([
  'listen>policy',
  'listen>route',
  'listen>secure',
  'listen>filter',
  'forward>filter',
  'forward>pool',
]);
/** Folders of proxy-core in which time and randomness may be taken from the machine. */
const impure = ['io/', 'threads/', 'observe/sinks.ts', 'proxy.ts', 'engine.ts'];
/** Most files are a quarter of this; one state machine with its drawing may come near. */
const maxLines = 470;

const sources = Object.keys(allowed).flatMap((name) => {
  const folder = join(root, 'packages', name, 'src');
  return existsSync(folder) ? walk(folder).filter((file) => file.endsWith('.ts') && !file.includes('/gen/')) : [];
});
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

for (const [file, list] of imports) {
  const place = relative(root, file);
  const [, name, , ...rest] = place.split('/');
  const inside = rest.join('/');
  for (const { specifier, isType } of list) {
    const workspace = /^@tulle\/([\w-]+)/.exec(specifier)?.[1];
    if (workspace !== undefined && !allowed[name].includes(workspace) && workspace !== name) {
      breach(
        place,
        `imports @tulle/${workspace}; ${name} may import ${allowed[name].join(', ') || 'no other package'}`,
      );
    }
    if (name === 'api' && specifier.startsWith('node:')) breach(place, `imports ${specifier}; api does no I/O`);
    if (name !== 'proxy-core' || !specifier.startsWith('.')) continue;
    const from = stages.find((stage) => inside.startsWith(`${stage}/`));
    const target = relative(join(root, 'packages/proxy-core/src'), resolve(dirname(file), specifier));
    const to = stages.find((stage) => target.startsWith(`${stage}/`));
    const isLoose = isType && typeOnly.has(`${from}>${to}`);
    if (from !== undefined && to !== undefined && from !== to && !isLoose)
      breach(place, `stage ${from} imports stage ${to}`);
  }
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n').length - 1;
  if (lines > maxLines) breach(place, `has ${lines} lines; past ${maxLines} it is more than one thing`);
  if (name === 'proxy-core' && !impure.some((prefix) => inside.startsWith(prefix))) {
    for (const match of code(text).matchAll(
      /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate)\b/g,
    )) {
      breach(place, `uses ${match[1]}; time and randomness are handed in`);
    }
  }
}

for (const cycle of cycles())
  breach(relative(root, cycle[0]), `import cycle: ${cycle.map((file) => relative(root, file)).join(' -> ')}`);

for (const document of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...list('docs')]) {
  if (!existsSync(join(root, document))) {
    breach(document, 'does not exist');
    continue;
  }
  const text = readFileSync(join(root, document), 'utf8');
  // Every path in backticks with a slash and an extension or a trailing slash, and every relative link.
  const named = [...text.matchAll(/`((?:[\w.@-]+\/)+[\w.@-]*)`/g)].map((match) => match[1]);
  const linked = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map((match) => match[1]);
  for (const path of named.filter((path) => path.endsWith('/') || /\.\w+$/.test(path))) {
    const places = [path, `packages/${path}`, `packages/proxy-core/src/${path}`, `packages/proxy-core/${path}`];
    if (!places.some((each) => existsSync(join(root, each)))) breach(document, `names ${path}, which does not exist`);
  }
  for (const path of linked) {
    if (!existsSync(join(root, dirname(document), path))) breach(document, `links to ${path}, which does not exist`);
  }
}

for (const line of breaches) console.error(line);
console.log(`structure: ${sources.length} source files, ${breaches.length} breaches`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function walk(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

function list(folder) {
  return walk(join(root, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => relative(root, file));
}

function importsOf(file) {
  const found = [];
  for (const match of readFileSync(file, 'utf8').matchAll(
    /^\s*(?:import|export)\s+(type\s)?([^'";]*?from\s+)?'([^']+)'/gm,
  )) {
    const names = match[2] ?? '';
    const isType =
      match[1] !== undefined ||
      (/^\{/.test(names.trim()) &&
        names
          .replace(/[{}]|from/g, '')
          .split(',')
          .every((name) => name.trim() === '' || name.trim().startsWith('type ')));
    found.push({ specifier: match[3], isType });
  }
  for (const match of readFileSync(file, 'utf8').matchAll(/import\('([^']+)'\)/g))
    found.push({ specifier: match[1], isType: false });
  return found;
}

/** The text without comments and strings, roughly: enough to look for names of functions. */
function code(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

/** Cycles of imports, those of types too: two files that need each other's types are one thing in two places. */
function cycles() {
  const state = new Map();
  const found = [];
  const visit = (file, path) => {
    state.set(file, 'open');
    for (const { specifier } of imports.get(file) ?? []) {
      if (!specifier.startsWith('.')) continue;
      const target = resolve(dirname(file), specifier).replace(/\.js$/, '.ts');
      if (!imports.has(target)) continue;
      if (state.get(target) === 'open') found.push([...path.slice(path.indexOf(target)), target]);
      else if (!state.has(target)) visit(target, [...path, target]);
    }
    state.set(file, 'done');
  };
  for (const file of sources) if (!state.has(file)) visit(file, [file]);
  return found;
}
