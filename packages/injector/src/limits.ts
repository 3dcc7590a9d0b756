/**
 * Exclusions of one kind (inbound ports, outbound ports, CIDRs, uids) that a pod may have: 64.
 * Each becomes one rule that every new connection passes, and all rules travel in one netlink datagram, which the kernel
 * refuses above the socket's send buffer (212,992 bytes by default; 64 of each kind need about 80,000).
 * More is an error of the rules: merge CIDRs, or do not inject the pod.
 */
export const MAX_EXCLUSIONS_OF_A_KIND = 64;

/**
 * Bytes of a rules file: 65,536, some ten times what the largest valid rules need.
 * A longer file is refused before it is parsed.
 */
export const MAX_RULES_BYTES = 65_536;

/**
 * Wait for the kernel's answer to a batch: 5,000 ms. The kernel answers before `send` returns, so only a kernel that
 * drops the answer lets this run out. Then the state of the rules is unknown and the call fails with that message.
 */
export const KERNEL_ANSWER_TIMEOUT_MS = 5_000;

/**
 * Bytes received at once: 65,536. An answer is some hundred bytes, since the socket asks for errors without a copy of the
 * refused message; a longer datagram would be cut off and is reported as unreadable.
 */
export const RECEIVE_BUFFER_BYTES = 65_536;

/**
 * Nesting of objects and lists in the rules' JSON: 16. Rules nest three deep; without a bound a hostile text would exhaust
 * the stack. Deeper is a syntax error.
 */
export const MAX_JSON_DEPTH = 16;
