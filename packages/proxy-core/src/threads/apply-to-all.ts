/** One configuration for several data threads: on all of them or on none. */
import type { ProxyConfig } from '../config/config.js';
import type { BoundAddress } from './messages.js';
import type { Thread } from './thread.js';

export interface Applied {
  /** The configuration with the ports that the kernel chose for the first thread and the others share. */
  readonly config: ProxyConfig;
  readonly addresses: readonly BoundAddress[];
}

/**
 * Rejects with what the thread said that refused; those before it are given `former` again then. `warn` hears of one that does not take it, which nothing foreseen
 * explains: it goes on with what the others refused.
 */
export async function applyToAll(
  threads: readonly Pick<Thread, 'order'>[],
  config: ProxyConfig,
  former: ProxyConfig | undefined,
  warn: (message: string) => void,
): Promise<Applied> {
  let applied: Applied = { config, addresses: [] };
  for (const [index, thread] of threads.entries()) {
    try {
      const { addresses } = await thread.order({ kind: 'apply', config: applied.config });
      if (index === 0) applied = { config: withPorts(config, addresses), addresses };
    } catch (error) {
      if (former !== undefined) await takeBack(threads.slice(0, index), former, warn);
      throw error;
    }
  }
  return applied;
}

async function takeBack(
  threads: readonly Pick<Thread, 'order'>[],
  config: ProxyConfig,
  warn: (message: string) => void,
): Promise<void> {
  for (const thread of threads) {
    try {
      await thread.order({ kind: 'apply', config });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      warn(`a data thread keeps a configuration that another one refused: ${message}`);
    }
  }
}

function withPorts(config: ProxyConfig, addresses: readonly BoundAddress[]): ProxyConfig {
  const listeners = config.listeners.map((listener) => {
    const bound = addresses.find(({ name }) => name === listener.name);
    return bound === undefined ? listener : { ...listener, bind: { ...listener.bind, port: bound.address.port } };
  });
  return { ...config, listeners };
}
