import { probeNetns } from '../netns/probe.js';
import type { ProviderKind } from '../provider.js';

export type ProviderWish = 'auto' | ProviderKind;

/** What was chosen; `notice` is one sentence for the user; `kind` null when the wish cannot be granted. */
export interface Choice {
  kind: ProviderKind | null;
  userNamespace: boolean;
  notice: string | null;
}

/** @param cliPath with which the redirect rules are tried, null where no mesh is wanted. */
export async function chooseProvider(wish: ProviderWish, cliPath: string | null): Promise<Choice> {
  if (wish === 'process') return { kind: 'process', userNamespace: false, notice: null };
  const rules = JSON.stringify({ proxy: process.getuid?.() === 0 ? { uid: 1337 } : { mark: 1337 } });
  const tryRules =
    cliPath === null
      ? null
      : ['sh', '-c', 'printf %s "$1" | "$2" "$3" interception apply --rules -', 'sh', rules, process.execPath, cliPath];
  const probe = await probeNetns(process.env, tryRules);
  if (probe.possible) return { kind: 'netns', userNamespace: probe.userNamespace, notice: null };
  if (wish === 'netns')
    return {
      kind: null,
      userNamespace: false,
      notice: `pods as network namespaces are not possible here: ${probe.reason}`,
    };
  return {
    kind: 'process',
    userNamespace: false,
    notice: `running the pods as plain processes on loopback, because for network namespaces: ${probe.reason}`,
  };
}
