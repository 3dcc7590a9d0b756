import type { ProxyConfig } from '@tulle/proxy-core';

/** A configuration as it may be shown: certificates, which are public, but no key. */
export function withoutSecrets(config: ProxyConfig): object {
  const identities = config.identities.map(({ name, certificateChainPem }) => ({ name, certificateChainPem }));
  return { ...config, identities };
}
