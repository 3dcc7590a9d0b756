/** A data thread as the main thread sees it, whichever engine runs in it. */
import type { SeriesDefinition } from '../observe/registry.js';
import { ProxyError } from '../proxy-error.js';
import type { Command, Reply, ThreadResult } from './messages.js';

/** A command without the id that the thread gives it. */
export type Order = Command extends infer C ? (C extends Command ? Omit<C, 'id'> : never) : never;

export interface ThreadEvents {
  lines(text: string): void;
  warning(message: string): void;
  /** The thread ended without being told to: a defect. */
  died(error: Error): void;
}

export interface Thread {
  readonly definitions: readonly SeriesDefinition[];
  /** Metric values, shared with the thread. */
  readonly values: Float64Array;
  order(order: Order): Promise<ThreadResult>;
}

interface Pending {
  resolve(result: ThreadResult): void;
  reject(error: Error): void;
}

export abstract class BaseThread implements Thread {
  readonly definitions: SeriesDefinition[] = [];
  values: Float64Array = new Float64Array(0);
  protected readonly events: ThreadEvents;
  private linesTaken: Int32Array = new Int32Array(1);
  private readonly pending: Map<number, Pending> = new Map();
  private nextId = 1;
  /** Why nobody will answer any more. */
  private ended: Error | undefined = undefined;

  constructor(events: ThreadEvents) {
    this.events = events;
  }

  order(order: Order): Promise<ThreadResult> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.send({ ...order, id } as Command);
    });
  }

  protected abstract send(command: Command): void;

  protected receive(reply: Reply): void {
    switch (reply.kind) {
      case 'ready':
        this.values = new Float64Array(reply.memory);
        this.linesTaken = new Int32Array(reply.linesTaken);
        return;
      case 'series':
        this.definitions.push(reply.definition);
        return;
      case 'lines':
        this.events.lines(reply.text);
        Atomics.add(this.linesTaken, 0, reply.text.length);
        return;
      case 'warning':
        this.events.warning(reply.message);
        return;
      case 'done':
        this.pending.get(reply.id)?.resolve(reply.result);
        this.pending.delete(reply.id);
        return;
      case 'failed':
        this.pending.get(reply.id)?.reject(new ProxyError(reply.code, reply.message));
        this.pending.delete(reply.id);
        return;
    }
  }

  protected end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}
