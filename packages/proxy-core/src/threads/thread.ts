/** A data thread as the main thread sees it, whichever engine runs in it. */
import { Worker } from 'node:worker_threads';
import { createPortableIo } from '../io/portable/portable-io.js';
import type { Limits } from '../limits.js';
import type { SeriesDefinition } from '../observe/registry.js';
import { stopAtExit } from './at-exit.js';
import type { LinuxThreadData } from './linux-thread.js';
import type { Command, Reply, ThreadResult } from './messages.js';
import { ThreadProxy } from './thread-proxy.js';

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

abstract class BaseThread implements Thread {
  readonly definitions: SeriesDefinition[] = [];
  values: Float64Array = new Float64Array(0);
  protected readonly events: ThreadEvents;
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
        return;
      case 'series':
        this.definitions.push(reply.definition);
        return;
      case 'lines':
        this.events.lines(reply.text);
        return;
      case 'warning':
        this.events.warning(reply.message);
        return;
      case 'done':
        this.pending.get(reply.id)?.resolve(reply.result);
        this.pending.delete(reply.id);
        return;
      case 'failed':
        this.pending.get(reply.id)?.reject(new Error(reply.message));
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

/** node's own loop, on the calling thread. */
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

/**
 * V8's young generation on a data thread: at its default size a scavenge shows in the 99.9th percentile (7.6 ms measured), at 1 MB it does not (0.65 ms).
 */
const youngGenerationMb = 1;

/** An epoll loop of its own in a worker. */
export class LinuxThread extends BaseThread {
  private readonly worker: Worker;
  private readonly wake: () => void;
  private readonly closeWake: () => void;

  /** `wakeFd` is closed with `closeWake` when the worker has ended. */
  constructor(data: LinuxThreadData, events: ThreadEvents, wake: () => void, closeWake: () => void) {
    super(events);
    this.wake = wake;
    this.closeWake = closeWake;
    this.worker = new Worker(new URL('./linux-thread.js', import.meta.url), {
      workerData: data,
      // Not the program's own flags: a loader or an inspector would cost each thread its start, and has no business on a data thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    });
    this.worker.on('message', (reply: Reply) => this.receive(reply));
    const forget = stopAtExit(() => this.send({ kind: 'close', id: 0 }));
    this.worker.on('error', (error) => {
      this.end(error);
      events.died(error);
    });
    this.worker.on('exit', () => {
      forget();
      this.end(new Error('the data thread has ended'));
      this.closeWake();
    });
  }

  protected override send(command: Command): void {
    this.worker.postMessage(command);
    this.wake();
  }
}
