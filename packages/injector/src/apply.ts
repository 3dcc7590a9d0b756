import { readFileSync } from 'node:fs';
import { InterceptionError } from './errors.js';
import { interceptionTable } from './model/interception.js';
import { removeTable, replaceTable } from './netlink/batch.js';
import type { InterceptionRules } from './rules/value.js';
import { commit } from './socket/netfilter-socket.js';
import { isUidMapped } from './user-namespace.js';

/**
 * Puts the rules into the current network namespace, in place of earlier ones, in one step. Needs CAP_NET_ADMIN there.
 * Blocks the thread for some ten milliseconds. Throws InterceptionError, and then nothing has changed unless its code is
 * `kernel-silent`.
 * New rules in place of old decide for connections that open from now on. The first rules of a namespace also redirect
 * connections that are open, in mid-stream, and so cut them: connection tracking starts with the rules and takes
 * the next packet it sees for the first (net.netfilter.nf_conntrack_tcp_loose). Apply before the application starts.
 */
export function applyInterception(rules: InterceptionRules): void {
  assertProxyCanBeRecognised(rules);
  commit(replaceTable(interceptionTable(rules)));
}

/**
 * Takes the rules away, if there are any. Redirected connections that are open are cut, for the kernel stops rewriting
 * addresses where no NAT rules are left. Otherwise as `applyInterception`.
 */
export function removeInterception(): void {
  commit(removeTable());
}

/** Where the proxy's uid cannot exist and no mark is given, its own traffic would come back to it for ever. */
function assertProxyCanBeRecognised(rules: InterceptionRules): void {
  const { uid, mark } = rules.proxy;
  if (uid === undefined || mark !== undefined) return;
  if (isUidMapped(readFileSync('/proc/self/uid_map', 'utf8'), uid)) return;
  const what = `uid ${uid} of proxy.uid does not exist in this user namespace`;
  throw new InterceptionError('proxy-uid-unmapped', what, 'have the proxy mark its sockets and set proxy.mark: 1337');
}
