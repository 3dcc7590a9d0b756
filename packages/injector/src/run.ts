import { readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { applyInterception, removeInterception } from './apply.js';
import { InterceptionError } from './errors.js';
import { MAX_RULES_BYTES } from './limits.js';
import { interceptionTable } from './model/interception.js';
import { renderIptablesText } from './render/iptables-text.js';
import { renderNftText } from './render/nft-text.js';
import { InterceptionRulesError, interceptionRulesJson, parseInterceptionRules } from './rules/parse.js';
import type { InterceptionRules } from './rules/value.js';

export type InterceptionAction = 'apply' | 'remove' | 'render';
export type InterceptionFormat = 'nft' | 'iptables' | 'json';

export interface InterceptionOptions {
  readonly action: InterceptionAction;
  /** Path of the rules' JSON, or `-` for standard input. Needed by all but `remove`, which does not read it. */
  readonly rules?: string;
  /** What `render` prints; `nft` if absent. `json` is the rules with their defaults filled in. */
  readonly format?: InterceptionFormat;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/** `tulle interception`. Returns the exit code: 0 done, 1 the kernel would not, 2 the rules or the use are wrong. */
export async function runInterception(options: InterceptionOptions): Promise<number> {
  const { action, stdout = process.stdout, stderr = process.stderr } = options;
  try {
    if (action === 'remove') {
      removeInterception();
      stdout.write('interception removed\n');
      return 0;
    }
    const rules = parseInterceptionRules(await readRules(options));
    if (action === 'render') {
      stdout.write(rendered(rules, options.format ?? 'nft'));
      return 0;
    }
    applyInterception(rules);
    stdout.write(`interception applied outbound=${rules.outboundPort} inbound=${rules.inboundPort}\n`);
    return 0;
  } catch (error) {
    if (error instanceof InterceptionRulesError) {
      for (const { place, message, remedy } of error.problems) {
        stderr.write(`${options.rules}: ${place}: ${message}; ${remedy}\n`);
      }
      return 2;
    }
    if (error instanceof UseError) {
      stderr.write(`${error.message}\n`);
      return 2;
    }
    if (error instanceof InterceptionError) {
      stderr.write(`interception ${action}: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

class UseError extends Error {}

function rendered(rules: InterceptionRules, format: InterceptionFormat): string {
  switch (format) {
    case 'nft':
      return renderNftText(interceptionTable(rules));
    case 'iptables':
      return renderIptablesText(interceptionTable(rules));
    case 'json':
      return `${JSON.stringify(interceptionRulesJson(rules), null, 2)}\n`;
  }
}

async function readRules(options: InterceptionOptions): Promise<string> {
  const { rules, stdin = process.stdin } = options;
  if (rules === undefined)
    throw new UseError(`interception ${options.action} needs --rules FILE, or - for standard input`);
  const text = rules === '-' ? await readAll(stdin) : await readRulesFile(rules);
  if (text.length > MAX_RULES_BYTES) {
    throw new UseError(`${rules}: longer than ${MAX_RULES_BYTES} bytes; these are not interception rules`);
  }
  return text.toString('utf8');
}

async function readRulesFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UseError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code}); name a file that can`);
  }
}

/** Stops once there is more than rules may have, so that an endless input ends. */
async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > MAX_RULES_BYTES) break;
  }
  return Buffer.concat(chunks);
}
