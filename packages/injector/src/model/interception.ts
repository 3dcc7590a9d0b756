import type { InterceptionRules } from '../rules/value.js';
import type { Chain, Match, Rule, Table } from './table.js';

/**
 * The table for a pod. Each chain reads: what to leave alone, most general first, then one redirect of all TCP.
 * UDP is never touched, so DNS goes to the resolver as ever; DNS over TCP is an ordinary TCP connection to port 53 and
 * passes through the sidecar unless that port is excluded.
 */
export function interceptionTable(rules: InterceptionRules): Table {
  return { chains: [outputChain(rules), preroutingChain(rules)] };
}

/** Connections that the pod opens. */
function outputChain(rules: InterceptionRules): Chain {
  const { proxy, exclude } = rules;
  const list: Rule[] = [];
  // The proxy's own connections come first, whatever their destination. Towards the network: a redirect would send them
  // back to the proxy for ever. Towards the application, which the inbound side dials at the pod's own address over
  // loopback: they have been through the sidecar already. Istio redirects proxy traffic that leaves by loopback for
  // the pod's own address to the inbound port, so that a pod that is picked as an endpoint of its own Service meets its
  // own policy, and so has to dial the application from 127.0.0.6 to tell the two apart. We do as linkerd does: the
  // sidecar knows its pod's address and speaks plain to that endpoint. Nothing is lost by it, since a pod can always
  // reach itself over loopback.
  if (proxy.uid !== undefined) list.push(leave([{ kind: 'socket-uid', uid: proxy.uid }], 'the proxy itself, by user'));
  if (proxy.mark !== undefined) list.push(leave([{ kind: 'mark', mark: proxy.mark }], 'the proxy itself, by mark'));
  // Loopback is how the containers of a pod talk to each other, and how a process reaches its own listeners. It also
  // carries what the application sends to the pod's own address, for the kernel routes that by loopback. Istio
  // and linkerd leave both alone too: peers inside the pod have one identity, there is nothing to authenticate. A
  // Service address is not local, so a pod that calls its own Service does go through its sidecar. A resolver
  // in the container's loopback (Docker's 127.0.0.11) stays reachable by this rule as well.
  list.push(leave([{ kind: 'output-interface', name: 'lo' }], 'within the pod'));
  for (const uid of exclude.uids) {
    if (uid !== proxy.uid) list.push(leave([{ kind: 'socket-uid', uid }], 'excluded user'));
  }
  for (const port of exclude.outboundPorts) {
    list.push(leave([{ kind: 'tcp-destination-port', port }], 'excluded outbound port'));
  }
  for (const cidr of exclude.outboundCidrs) list.push(leave([{ kind: 'destination', cidr }], 'excluded network'));
  list.push(redirect(rules.outboundPort, 'to the sidecar, outbound'));
  return { name: 'output', rules: list };
}

/** Connections that reach the pod. */
function preroutingChain(rules: InterceptionRules): Chain {
  const list: Rule[] = [];
  // A connection over loopback has met the output chain, which decided for both; connection tracking does not ask twice.
  // Said once more here, so that the decision does not hang on a chain that another program may have changed.
  list.push(leave([{ kind: 'input-interface', name: 'lo' }], 'within the pod'));
  const own = sidecarOwnPorts(rules);
  for (const [port, comment] of own) list.push(leave([{ kind: 'tcp-destination-port', port }], comment));
  for (const port of rules.exclude.inboundPorts) {
    if (own.has(port)) continue;
    list.push(leave([{ kind: 'tcp-destination-port', port }], 'excluded inbound port'));
  }
  list.push(redirect(rules.inboundPort, 'to the sidecar, inbound'));
  return { name: 'prerouting', rules: list };
}

/**
 * The ports on which the sidecar itself answers, each with its name. Health and metrics are asked for from outside and
 * without mTLS (kubelet, Prometheus). Admin listens on loopback: left alone, the kernel refuses whoever asks from
 * outside, where a redirect would have the sidecar forward to it. The inbound port needs no redirect to itself.
 * Not here: the outbound port, which nobody outside has business with, so that policy meets whoever tries; and 15002, the
 * HTTP proxy of pods without interception, on which nothing of ours listens where these rules are.
 */
function sidecarOwnPorts(rules: InterceptionRules): Map<number, string> {
  const { admin, metrics, health } = rules.sidecarPorts;
  return new Map([
    [admin, 'sidecar admin'],
    [rules.inboundPort, 'sidecar inbound'],
    [metrics, 'sidecar metrics'],
    [health, 'sidecar health'],
  ]);
}

function leave(matches: readonly Match[], comment: string): Rule {
  return { matches, verdict: { kind: 'return' }, comment };
}

function redirect(port: number, comment: string): Rule {
  return { matches: [{ kind: 'tcp' }], verdict: { kind: 'redirect', port }, comment };
}
