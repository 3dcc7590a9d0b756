/** Whose connections clients are. One object for all of them: an idle connection should hold as little as it can. */
import type { ConnectionHandler, Io } from '../../io/io.js';
import type { Limits } from '../../limits.js';

export interface Http1ServerOwner {
  readonly io: Io;
  /** Those of now hold for a connection's life. */
  readonly limits: Limits;
  /** The connection is gone; called once, last. */
  clientClosed(server: ConnectionHandler): void;
}
