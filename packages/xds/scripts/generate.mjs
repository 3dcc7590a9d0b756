#!/usr/bin/env node
/**
 * Writes the TypeScript of Envoy's v3 protos and of our own to src/gen. Nothing of it is committed: the protos come from
 * @grpc/grpc-js-xds, the compiler from npm's protoc.
 *
 * Does nothing when the inputs are those of the last run. Two runs at once are safe: each works in a directory of its own, both
 * come to the same files, and each file appears whole, by a rename. A file that did not change is not touched, so tsc stays quick.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { ROOTS } from './roots.mjs';
import { withIgnoreEmpty } from './validate-proto.mjs';

const scriptsDir = dirname(fileURLToPath(import.meta.url));
const packageDir = dirname(scriptsDir);
const genDir = join(packageDir, 'src', 'gen');
const stampFile = join(genDir, 'inputs.json');
const ownProtoDir = join(packageDir, 'proto');

const require = createRequire(import.meta.url);
const protocDir = dirname(require.resolve('protoc/package.json'));
const pluginDir = packageDirOf('@bufbuild/protoc-gen-es');
const xdsDir = packageDirOf('@grpc/grpc-js-xds');
const depsDir = join(xdsDir, 'deps');

/** The folder of an installed package, also of one whose `exports` hide its package.json. */
function packageDirOf(name) {
  for (const base of require.resolve.paths(name) ?? []) {
    if (existsSync(join(base, name, 'package.json'))) return join(base, name);
  }
  throw new Error(`${name} is not installed: run \`npm ci\` at the root of the repository`);
}

function filesUnder(dir) {
  return readdirSync(dir, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort();
}

/** The hash of all that decides what is generated. Installed packages never change under one version. */
function hashInputs() {
  const hash = createHash('sha256');
  for (const dir of [scriptsDir, ownProtoDir]) {
    for (const name of filesUnder(dir)) hash.update(`${name}\0`).update(readFileSync(join(dir, name)));
  }
  for (const dir of [protocDir, pluginDir, xdsDir]) {
    const { name, version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    hash.update(`${name}@${version}\0`);
  }
  return hash.digest('hex');
}

/** True when the last run had these inputs and its files are all still there. */
function isUpToDate(inputs) {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'));
    return stamp.inputs === inputs && stamp.files.every((name) => existsSync(join(genDir, name)));
  } catch {
    return false; // No stamp, or not a whole one: generate.
  }
}

function protoc(args) {
  // The plugin is a script that finds `node` on the PATH: let it find this one.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  const stdio = ['ignore', 'inherit', 'inherit'];
  execFileSync(process.execPath, [join(protocDir, 'protoc.cjs'), ...args], { stdio, env: { ...process.env, PATH } });
}

/** Runs protoc and its plugin; returns a map from file name below src/gen to its text. */
function generate(workDir) {
  const patchedDir = join(workDir, 'patched');
  mkdirSync(join(patchedDir, 'validate'), { recursive: true });
  const validate = readFileSync(join(depsDir, 'protoc-gen-validate', 'validate', 'validate.proto'), 'utf8');
  writeFileSync(join(patchedDir, 'validate', 'validate.proto'), withIgnoreEmpty(validate));

  const includes = [ownProtoDir, patchedDir, ...['envoy-api', 'xds', 'googleapis'].map((name) => join(depsDir, name))];
  const includeArgs = includes.map((dir) => `--proto_path=${dir}`);
  const setFile = join(workDir, 'set.binpb');
  protoc([...includeArgs, '--include_imports', `--descriptor_set_out=${setFile}`, ...ROOTS]);

  // protoc generates only the files it is given: name the imported ones too. The well-known types are in the runtime.
  const protos = fromBinary(FileDescriptorSetSchema, readFileSync(setFile))
    .file.map((file) => file.name)
    .filter((name) => !name.startsWith('google/protobuf/'));
  const outDir = join(workDir, 'out');
  mkdirSync(outDir);
  const plugin = join(pluginDir, 'bin', 'protoc-gen-es');
  const pluginArgs = [
    `--plugin=protoc-gen-es=${plugin}`,
    `--es_out=${outDir}`,
    '--es_opt=target=ts,import_extension=js',
  ];
  protoc([...includeArgs, ...pluginArgs, ...protos]);

  const outputs = new Map(filesUnder(outDir).map((name) => [name, readFileSync(join(outDir, name), 'utf8')]));
  outputs.set('files.ts', filesModule(outputs));
  return outputs;
}

/** A module that exports the descriptors of all generated files, from which the registry is made. */
function filesModule(outputs) {
  const names = [...outputs].map(([path, text]) => [path, /^export const (file_\w+): GenFile/m.exec(text)[1]]);
  return [
    '// Generated by scripts/generate.mjs.',
    `import type { DescFile } from '@bufbuild/protobuf';`,
    ...names.map(([path, name]) => `import { ${name} } from './${path.replace(/\.ts$/, '.js')}';`),
    `export const files: readonly DescFile[] = [${names.map(([, name]) => name).join(', ')}];`,
    '',
  ].join('\n');
}

function writeIfChanged(name, text) {
  const path = join(genDir, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  const whole = `${path}.${process.pid}.tmp`;
  writeFileSync(whole, text);
  renameSync(whole, path);
}

function main() {
  const inputs = hashInputs();
  if (isUpToDate(inputs)) return;
  const workDir = mkdtempSync(join(tmpdir(), 'tulle-xds-'));
  try {
    const outputs = generate(workDir);
    for (const [name, text] of outputs) writeIfChanged(name, text);
    for (const name of filesUnder(genDir)) {
      if (name.endsWith('.ts') && !outputs.has(name)) rmSync(join(genDir, name), { force: true });
    }
    writeIfChanged('inputs.json', `${JSON.stringify({ inputs, files: [...outputs.keys()] })}\n`);
    console.log(`xds: generated ${outputs.size} files`);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

main();
