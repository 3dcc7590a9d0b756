import { lookup } from 'node:dns/promises';
import { nowUs } from '../clock.js';
import { drainTimeoutMs, maxErrors, maxHeadStartUs } from '../limits.js';
import { AlarmClock } from './alarm-clock.js';
import { expectationOf } from './answer-check.js';
import { type ArrivalSettings, arrivals } from './arrivals.js';
import { Connection, type Line, type RequestFault } from './connection.js';
import { Dispatcher } from './dispatcher.js';
import { Latencies } from './latencies.js';
import { BadLoadOptions, checkLoadOptions, type LoadOptions, type Target, targetOf } from './options.js';
import { RequestWriter } from './request.js';
import { Failures, invalidReasons, type LoadResult } from './result.js';

/** Time between the last preparation and the first due request, so that start-up is over when it counts. */
const settleUs = 20_000;
/** How often the outstanding requests are looked at for a timeout, in ms: a timeout is that coarse. */
const sweepMs = 100;

/**
 * Runs the load and says what it found. Never rejects because of the server: what goes wrong is in the result.
 * @param signal ends the run early; its result is then invalid as cut short.
 * @throws BadLoadOptions
 */
export async function generateLoad(options: LoadOptions, signal?: AbortSignal): Promise<LoadResult> {
  checkLoadOptions(options);
  const target = await resolve(targetOf(options));
  const run = new Run(options, target);
  return run.result(signal);
}

async function resolve(target: Target): Promise<Target> {
  try {
    // Once, before the run: a look-up for each connection would go through a thread pool and be measured.
    return { ...target, host: (await lookup(target.host)).address };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadLoadOptions(
      `the name ${target.host} has no address (${code}): check the URL, or give --connect ADDR:PORT`,
    );
  }
}

class Run {
  readonly #options: LoadOptions;
  readonly #failures: Failures;
  readonly #recordings: { latency: Latencies; service: Latencies; lateness: Latencies };
  readonly #line: Line;
  readonly #connections: Connection[];
  #dispatcher: Dispatcher;
  #endUs: number;
  #lastAnswerUs: number;
  #cutShort: string | undefined;
  #finished: () => void;

  constructor(options: LoadOptions, target: Target) {
    this.#options = options;
    this.#failures = new Failures();
    this.#recordings = { latency: new Latencies(), service: new Latencies(), lateness: new Latencies() };
    const writer = new RequestWriter(options, target);
    this.#line = {
      target,
      writer,
      expected: expectationOf(options, target.path, writer.payloads),
      isHead: options.method === 'HEAD',
      receiveBuffer: Buffer.allocUnsafeSlow(64 * 1024),
      ended: (place, fault, detail) => this.#ended(place, fault, detail),
      traffic: { bytesSent: 0, bytesReceived: 0, connects: 0 },
    };
    this.#connections = Array.from({ length: options.connections }, (_, place) => new Connection(place, this.#line));
    this.#dispatcher = this.#newDispatcher(0);
    this.#endUs = 0;
    this.#lastAnswerUs = 0;
    this.#cutShort = undefined;
    this.#finished = () => {};
  }

  async result(signal: AbortSignal | undefined): Promise<LoadResult> {
    const { rate, schedule, seed, burst, warmupS, durationS } = this.#options;
    const alarm = rate === 'max' ? undefined : this.#newAlarm({ kind: schedule, rate, seed, burst });
    await Promise.all([alarm?.ready(), ...this.#connections.map((connection) => connection.open())]);
    const startUs = nowUs() + (rate === 'max' ? 0 : settleUs);
    this.#endUs = startUs + (warmupS + durationS) * 1e6;
    this.#dispatcher = this.#newDispatcher(startUs);
    const cpuBefore = process.cpuUsage();
    const done = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    const stop = (): void => this.#stop('the run was interrupted');
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    // Behind the sockets in the event loop's turn: an answer that came while this process was not let run is no timeout.
    const sweep = setInterval(() => setImmediate(() => this.#sweep()), sweepMs);
    alarm?.start(startUs, this.#endUs);
    this.#tick();
    await done;
    const endedUs = nowUs();
    const cpu = process.cpuUsage(cpuBefore);
    signal?.removeEventListener('abort', stop);
    clearInterval(sweep);
    await alarm?.close();
    for (const connection of this.#connections) connection.close();
    return this.#summary((endedUs - startUs) / 1e6 - warmupS, cpu.user + cpu.system);
  }

  #newDispatcher(startUs: number): Dispatcher {
    const { rate, schedule, seed, burst, warmupS, connections, requests } = this.#options;
    return new Dispatcher(
      {
        arrivals: rate === 'max' ? undefined : arrivals({ kind: schedule, rate, seed, burst }),
        places: connections,
        startUs,
        warmUntilUs: startUs + warmupS * 1e6,
        endUs: this.#endUs,
        maxRequests: requests,
        send: (place, flight) => this.#connections[place].send(flight.id),
        refused: () => this.#failures.add('queue-full', 'too many requests wait for a free connection'),
      },
      this.#recordings,
    );
  }

  #newAlarm(settings: ArrivalSettings): AlarmClock {
    const alarm: AlarmClock = new AlarmClock(settings, () => {
      const early = this.#tick() === 0;
      if (!early) alarm.learn('late');
      else if (this.#isNear()) {
        alarm.learn('early');
        this.#turn();
      }
      // Else an answer that came in between has taken the due request along: nothing to learn, nothing to wait for.
    });
    return alarm;
  }

  /** An early wake-up: the event loop turns, serving sockets, for the few µs until the request is due. */
  #turn(): void {
    setImmediate(() => {
      if (this.#tick() === 0 && this.#isNear()) this.#turn();
    });
  }

  #isNear(): boolean {
    return this.#dispatcher.nextDueUs - nowUs() <= maxHeadStartUs;
  }

  #tick(): number {
    const now = nowUs();
    const count = this.#dispatcher.poll(now);
    if (this.#dispatcher.isDone(now)) this.#finished();
    return count;
  }

  #ended(place: number, fault: RequestFault | undefined, detail: string): void {
    const now = nowUs();
    if (fault === undefined) {
      this.#lastAnswerUs = now;
      this.#dispatcher.answeredAt(place, now);
    } else {
      this.#failures.add(fault, detail);
      if (this.#failures.total === maxErrors) this.#stop(`stopped after ${maxErrors} failed requests`);
      this.#dispatcher.failedAt(place, now);
    }
    this.#tick();
  }

  #stop(reason: string): void {
    this.#cutShort ??= reason;
    this.#dispatcher.stop();
    // What is out may still be answered; the sweep ends the wait.
    this.#endUs = Math.min(this.#endUs, nowUs());
  }

  #sweep(): void {
    const now = nowUs();
    const unanswered = now > Math.max(this.#endUs, this.#lastAnswerUs) + drainTimeoutMs * 1000;
    for (const [place, flight] of this.#dispatcher.outstanding()) {
      if (unanswered) this.#connections[place].giveUp('unanswered', `no answer for ${drainTimeoutMs} ms after the end`);
      else if (now - flight.sentUs > this.#options.requestTimeoutMs * 1000) {
        this.#connections[place].giveUp('timeout', `no whole answer within ${this.#options.requestTimeoutMs} ms`);
      }
    }
    if (unanswered) this.#dispatcher.stop();
    this.#tick();
  }

  #summary(elapsedS: number, cpuUs: number): LoadResult {
    const { rate, schedule, url, method, connections, warmupS, maxLatenessP99Us } = this.#options;
    const { latency, service, lateness } = this.#recordings;
    const dispatcher = this.#dispatcher;
    const latenessUs = lateness.percentiles();
    const invalid = invalidReasons({
      failures: this.#failures,
      cutShort: this.#cutShort,
      recorded: dispatcher.recorded,
      latenessP99Us: latenessUs.p99,
      maxLatenessP99Us,
      openLoop: rate !== 'max',
    });
    const { bytesSent, bytesReceived, connects } = this.#line.traffic;
    const result: LoadResult = {
      schema: 'tulle.dev/bench-load/v1',
      valid: invalid.length === 0,
      invalid,
      errors: this.#failures.counts,
      examples: this.#failures.examples,
      url,
      method,
      rate,
      schedule: rate === 'max' ? 'closed' : schedule,
      connections,
      warmupS,
      elapsedS: Math.max(0, elapsedS),
      requests: {
        sent: dispatcher.sent,
        answered: dispatcher.answered,
        recorded: dispatcher.recorded,
        waited: dispatcher.waited,
      },
      throughput: elapsedS > 0 ? dispatcher.recorded / elapsedS : 0,
      bytes: { sent: bytesSent, received: bytesReceived },
      connects,
      latencyUs: latency.percentiles(),
      serviceUs: service.percentiles(),
      latenessUs,
      generatorCpuUs: dispatcher.sent > 0 ? cpuUs / dispatcher.sent : 0,
      histograms: { latencyUs: latency.sparse(), latenessUs: lateness.sparse() },
    };
    return result;
  }
}
