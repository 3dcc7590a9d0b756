/** A data thread of the linux engine as the main thread sees it: an epoll loop of its own in a worker. */
import { Worker } from 'node:worker_threads';
import { ProxyError } from '../proxy-error.js';
import { stopAtExit } from './at-exit.js';
import type { LinuxThreadData } from './linux-thread.js';
import type { Command, Reply } from './messages.js';
import { BaseThread, type ThreadEvents } from './thread.js';

/**
 * V8's young generation on a data thread: at its default size a scavenge shows in the 99.9th percentile (7.6 ms measured), at 1 MB it does not (0.65 ms).
 */
const youngGenerationMb = 1;

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
      this.end(new ProxyError('ERR_TULLE_ENDED', 'the data thread has ended'));
      this.closeWake();
    });
  }

  protected override send(command: Command): void {
    this.worker.postMessage(command);
    this.wake();
  }
}
