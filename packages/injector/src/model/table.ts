import type { Cidr } from '../rules/cidr.js';

/** One condition of a rule. All conditions of a rule must hold. */
export type Match =
  | { readonly kind: 'tcp' }
  /** Interface by which the packet leaves (output) or came (prerouting). */
  | { readonly kind: 'output-interface'; readonly name: string }
  | { readonly kind: 'input-interface'; readonly name: string }
  /** User id of the process that owns the sending socket. */
  | { readonly kind: 'socket-uid'; readonly uid: number }
  /** The packet's mark, which at output is the sending socket's SO_MARK. */
  | { readonly kind: 'mark'; readonly mark: number }
  /** Implies `tcp`. */
  | { readonly kind: 'tcp-destination-port'; readonly port: number }
  /** Implies the family. */
  | { readonly kind: 'destination'; readonly cidr: Cidr };

/** `return` leaves the packet as it is; `redirect` rewrites its destination to this port of this host. */
export type Verdict = { readonly kind: 'return' } | { readonly kind: 'redirect'; readonly port: number };

export interface Rule {
  readonly matches: readonly Match[];
  readonly verdict: Verdict;
  /** Why the rule is there, in words for whoever lists the table; at most MAX_COMMENT_BYTES bytes of ASCII. */
  readonly comment: string;
}

/** A NAT chain at the hook of the same name; only the first packet of a connection passes it. */
export interface Chain {
  readonly name: 'output' | 'prerouting';
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly chains: readonly Chain[];
}

/** The table's name in family `inet`. The table is wholly ours: applying and removing replace and delete all of it. */
export const TABLE_NAME = 'tulle';

/** NF_IP_PRI_NAT_DST: where destination NAT belongs, after connection tracking and mangling. */
export const NAT_PRIORITY: number = -100;

/** nft refuses longer comments (NFTNL_UDATA_COMMENT_MAXLEN). */
export const MAX_COMMENT_BYTES = 128;
