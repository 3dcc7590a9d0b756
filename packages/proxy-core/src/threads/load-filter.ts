/** Loads a filter's module on the thread that will call it. At once, since a data thread runs no promise: `require` takes ES modules too (Node 20.19 and 22.12 on). */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { FilterConfig } from '../config/config.js';
import type { FilterModule } from '../filter/filter.js';
import { ProxyError } from '../proxy-error.js';

/** Throws a `ProxyError` `ERR_TULLE_FILTER`. */
export function loadFilter({ name, module }: FilterConfig): FilterModule {
  const loaded = load(name, module);
  const hooks = ['onRequest', 'onResponse'] as const;
  const wrong = hooks.find((hook) => loaded[hook] !== undefined && typeof loaded[hook] !== 'function');
  if (wrong !== undefined) throw refused(name, module, `exports ${wrong}, which is no function`);
  if (hooks.every((hook) => loaded[hook] === undefined)) {
    throw refused(name, module, 'exports neither onRequest nor onResponse');
  }
  return loaded as FilterModule;
}

function load(name: string, module: string): Partial<Record<keyof FilterModule, unknown>> {
  const path = module.startsWith('file:') ? fileURLToPath(module) : module;
  try {
    const loaded = createRequire(import.meta.url)(path) as unknown;
    if (typeof loaded === 'object' && loaded !== null) return loaded;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_REQUIRE_ASYNC_MODULE'
        ? 'has a top-level await: a filter is loaded at once'
        : `cannot be loaded: ${String(message ?? error).split('\n', 1)[0]}`;
    throw refused(name, module, reason, error);
  }
  throw refused(name, module, 'exports nothing');
}

function refused(name: string, module: string, reason: string, cause?: unknown): ProxyError {
  return new ProxyError('ERR_TULLE_FILTER', `filter ${name}: ${module} ${reason}`, { cause });
}
