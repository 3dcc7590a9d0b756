/** Handlers that note what happened, in order, for tests to compare with what should have happened. */
import type { Acceptor, Connection, ConnectionHandler, IoError, Sniffer } from '@tulle/proxy-core/internal';

export type RecordedEvent = 'open' | 'data' | 'end' | 'drain' | 'close';

/** What a test wants done when something happens, beyond noting it. */
export type Reaction = Partial<ConnectionHandler>;

/**
 * A connection's handler. `events` is the order of what happened, with neighbouring `data` as one. `keep: false` counts bytes without keeping them, for
 * transfers that would not fit; `onData` of the reaction sees them all the same.
 */
export class RecordingHandler implements ConnectionHandler {
  readonly events: RecordedEvent[] = [];
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  connection: Connection | undefined = undefined;
  /** What `onClose` said; undefined also before it. */
  error: IoError | undefined = undefined;
  reaction: Reaction;
  /** Copies what arrives. */
  keep = true;

  constructor(reaction: Reaction = {}) {
    this.reaction = reaction;
  }

  get opened(): boolean {
    return this.events.includes('open');
  }
  get ended(): boolean {
    return this.events.includes('end');
  }
  get closed(): boolean {
    return this.events.includes('close');
  }
  count(event: RecordedEvent): number {
    return this.events.filter((one) => one === event).length;
  }
  /** All that arrived, as Latin-1. */
  text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  onOpen(connection: Connection): void {
    this.connection = connection;
    this.events.push('open');
    this.reaction.onOpen?.(connection);
  }
  onData(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (this.events.at(-1) !== 'data') this.events.push('data');
    this.receivedBytes += end - start;
    if (this.keep) this.chunks.push(Buffer.from(bytes.subarray(start, end)));
    this.reaction.onData?.(connection, bytes, start, end);
  }
  onEnd(connection: Connection): void {
    this.events.push('end');
    this.reaction.onEnd?.(connection);
  }
  onDrain(connection: Connection): void {
    this.events.push('drain');
    this.reaction.onDrain?.(connection);
  }
  onClose(connection: Connection, error: IoError | undefined): void {
    this.events.push('close');
    this.error = error;
    this.reaction.onClose?.(connection, error);
  }
}

/** Accepts, notes and hands on. */
export class RecordingAcceptor implements Acceptor {
  readonly accepted: Connection[] = [];
  readonly errors: IoError[] = [];
  readonly accept: (connection: Connection) => void;

  constructor(accept: (connection: Connection) => void) {
    this.accept = accept;
  }
  onAccept(connection: Connection): void {
    this.accepted.push(connection);
    this.accept(connection);
  }
  onAcceptError(error: IoError): void {
    this.errors.push(error);
  }
}

/** Notes each look at the first bytes; `decide` may start the connection. */
export class RecordingSniffer implements Sniffer {
  readonly looks: string[] = [];
  ends = 0;
  closes = 0;
  error: IoError | undefined = undefined;
  readonly decide: (connection: Connection, seen: string) => void;

  constructor(decide: (connection: Connection, seen: string) => void) {
    this.decide = decide;
  }
  onSniff(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    const seen = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.looks.push(seen);
    this.decide(connection, seen);
  }
  onEnd(): void {
    this.ends++;
  }
  onClose(_connection: Connection, error: IoError | undefined): void {
    this.closes++;
    this.error = error;
  }
}

/** Writes a Latin-1 text; returns what `write` returned. */
export function writeText(connection: Connection, text: string, more = false): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return connection.write(bytes, 0, bytes.length, more);
}
