/** What this thread holds of the kernel and of OpenSSL: every acquisition adds one, every release takes one. For leak checks and gauges. */
export interface NativeCounts {
  /** File descriptors: sockets, listeners, epoll, eventfd. */
  fds: number;
  /** SSL objects. */
  sessions: number;
  /** SSL_CTX objects. */
  contexts: number;
}

export const counts: NativeCounts = { fds: 0, sessions: 0, contexts: 0 };
