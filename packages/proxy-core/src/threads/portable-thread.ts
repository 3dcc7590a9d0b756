/** The proxy on the calling thread, with node's own loop. Loaded where the portable engine runs only: it carries the whole data plane along. */
import { createPortableIo } from '../io/portable/portable-io.js';
import type { Limits } from '../limits.js';
import type { Command } from './messages.js';
import { BaseThread, type ThreadEvents } from './thread.js';
import { ThreadProxy } from './thread-proxy.js';

export class PortableThread extends BaseThread {
  private readonly proxy: ThreadProxy;

  constructor(limits: Limits, events: ThreadEvents) {
    super(events);
    const io = createPortableIo({ limits });
    this.proxy = new ThreadProxy(
      io,
      { reusePort: false },
      (reply) => this.receive(reply),
      () => io.close(),
    );
  }

  protected override send(command: Command): void {
    this.proxy.handle(command);
  }
}
