/** A data plane with its observer, answering commands: the same on a thread of its own (linux) and on the main thread (portable). */

import type { AccessLogConfig, ProxyConfig } from '../config/config.js';
import { DataPlane } from '../data-plane.js';
import type { Io } from '../io/io.js';
import { jsonLines, textLines } from '../observe/access-log.js';
import { filterSeries } from '../observe/filter-series.js';
import { type LineSink, MeteringObserver } from '../observe/observer.js';
import { Registry } from '../observe/registry.js';
import { CallbackSink, FileSink, noSink } from '../observe/sinks.js';
import { codeOf } from '../proxy-error.js';
import { requestIdWriter } from '../request-id.js';
import { Timer, type TimerOwner } from '../time/wheel.js';
import { loadFilter } from './load-filter.js';
import type { ClusterState, Command, Reply, ThreadResult } from './messages.js';

export interface ThreadOptions {
  readonly reusePort: boolean;
}

/** How long after a full pipe it is tried again where no line comes meanwhile: a reader that is there has made room by then. */
const logRetryMs = 20;
/**
 * How long lines wait for others to be written with: a write costs as much as all else that the log does for a hundred requests. At the edge, as when 48 KiB are
 * full: written. What has waited is lost when the process is killed.
 */
const logFlushMs = 100;

export class ThreadProxy implements TimerOwner {
  private readonly io: Io;
  private readonly reply: (reply: Reply) => void;
  private readonly stopped: () => void;
  private readonly registry: Registry;
  private readonly observer: MeteringObserver;
  private readonly plane: DataPlane;
  private log: AccessLogConfig = { target: 'off', format: 'json' };
  private sink: LineSink = noSink;
  private isStopped = false;
  /** Bytes of lines that the program which embeds the proxy has taken, modulo 2^32: one Int32, written by its thread. */
  private readonly linesTaken: SharedArrayBuffer = new SharedArrayBuffer(4);
  private readonly retryTimer: Timer = new Timer(this, 'log-retry');
  private readonly flushTimer: Timer = new Timer(this, 'log-flush');

  /** `stopped` is called once there is nothing more to do. */
  constructor(io: Io, options: ThreadOptions, reply: (reply: Reply) => void, stopped: () => void) {
    this.io = io;
    this.reply = reply;
    this.stopped = stopped;
    const warn = (message: string): void => reply({ kind: 'warning', message });
    this.registry = new Registry((definition) => reply({ kind: 'series', definition }));
    this.observer = new MeteringObserver(
      this.registry,
      io.clock,
      () => this.format(),
      () => this.sink,
    );
    this.plane = new DataPlane(io, this.observer, {
      reusePort: options.reusePort,
      warn,
      filters: { load: loadFilter, meter: (name) => filterSeries(this.registry, name) },
      writeRequestId: requestIdWriter(() => io.random()),
    });
    reply({ kind: 'ready', memory: this.registry.memory, linesTaken: this.linesTaken });
  }

  handle(command: Command): void {
    try {
      switch (command.kind) {
        case 'apply':
          this.apply(command.config);
          this.done(command, {});
          return;
        case 'clusters':
          this.done(command, { clusters: this.clusterStates() });
          return;
        case 'drain':
          this.plane.drain((cut) => {
            this.done(command, { cut });
            this.stop();
          }, command.timeoutMs);
          return;
        case 'close':
          this.plane.close();
          this.done(command, {});
          this.stop();
          return;
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.reply({ kind: 'failed', id: command.id, code: codeOf(error), message });
    }
  }

  private apply(config: ProxyConfig): void {
    const next = this.sinkFor(config.accessLog);
    try {
      this.plane.apply(config);
    } catch (error) {
      if (next !== this.sink && next instanceof FileSink) next.close();
      throw error;
    }
    if (next !== this.sink) {
      this.observer.flush();
      this.closeSink();
      this.sink = next;
    }
    this.log = config.accessLog;
  }

  private sinkFor(log: AccessLogConfig): LineSink {
    if (log.target === this.log.target) return this.sink;
    if (log.target === 'off') return noSink;
    // The main thread keeps functions to itself and says `callback` for them.
    if (log.target === 'callback' || typeof log.target === 'function') {
      return new CallbackSink(new Int32Array(this.linesTaken), (text) => this.reply({ kind: 'lines', text }));
    }
    return new FileSink(
      log.target,
      () => this.io.clock.nowMs(),
      (message) => this.reply({ kind: 'warning', message }),
    );
  }

  /** Asked before each line: the first one after a flush sets the time of the next. */
  private format(): typeof jsonLines | undefined {
    if (this.log.target === 'off') return undefined;
    if (this.flushTimer.deadlineMs === 0) this.io.timers.arm(this.flushTimer, logFlushMs);
    return this.log.format === 'json' ? jsonLines : textLines;
  }

  /** A pipe that was full is tried again in later turns, without a request that would bring one. */
  private retryHeld(): void {
    if (this.retryTimer.deadlineMs !== 0 || !(this.sink instanceof FileSink) || !this.sink.isHolding) return;
    this.io.timers.arm(this.retryTimer, logRetryMs);
  }

  onTimer(timer: Timer): void {
    if (timer === this.flushTimer) this.observer.flush();
    else if (this.sink instanceof FileSink) this.observer.lost(this.sink.retry());
    this.retryHeld();
  }

  private closeSink(): void {
    this.io.timers.disarm(this.retryTimer);
    this.io.timers.disarm(this.flushTimer);
    if (this.sink instanceof FileSink) this.observer.lost(this.sink.close());
  }

  private clusterStates(): ClusterState[] {
    const nowMs = this.io.clock.nowMs();
    return [...this.plane.clusters()].map((cluster) => ({
      name: cluster.name,
      connections: cluster.breaker.connections,
      pending: cluster.breaker.pending,
      requests: cluster.breaker.requests,
      panicking: cluster.isPanicking,
      endpoints: cluster.known.map((endpoint) => ({
        address: endpoint.address,
        tls: endpoint.tls !== undefined,
        weight: endpoint.weight,
        active: endpoint.active,
        latencyMs: endpoint.latencyMs,
        avoided: endpoint.avoidUntilMs > nowMs,
        ejected: endpoint.ejected,
      })),
    }));
  }

  private done(command: Command, result: Partial<ThreadResult>): void {
    const full: ThreadResult = { addresses: this.plane.addresses(), cut: 0, clusters: [], ...result };
    this.reply({ kind: 'done', id: command.id, result: full });
  }

  private stop(): void {
    // A `close` ends a drain under way: both stop.
    if (this.isStopped) return;
    this.isStopped = true;
    this.observer.flush();
    this.closeSink();
    this.stopped();
  }
}
