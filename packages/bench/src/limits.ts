// Every bound of the bench: its default, why it is there, and what happens at its edge.

/** Head of one HTTP message in bytes. More than any test sends; a peer that never ends its head is an error, not a leak. */
export const maxHeadBytes: number = 64 * 1024;

/** Body of one echoed request in bytes, because the echo is held until it is complete. Beyond it the server answers 413 and closes. */
export const maxEchoBytes: number = 64 * 1024 * 1024;

/**
 * 99th percentile of the generator's own lateness in µs. Lateness is part of every latency that is reported, so a run
 * beyond it measured the generator and is marked invalid. A proxy hop costs some 100 µs: 1 ms would already drown it ten times.
 */
export const maxLatenessP99Us: number = 1000;

/** Requests that are due but wait for a free connection. Beyond it a request is counted as `queue-full` and not sent: memory stays bounded. */
export const maxWaiting: number = 100_000;

/** One request in ms, from when it was sent to its last byte. Beyond it: `timeout`, and its connection is closed. */
export const requestTimeoutMs: number = 10_000;

/**
 * Waiting for the next outstanding answer once the last request was due, in ms. Past it what is still out is counted as `unanswered`. While answers come the run goes on:
 * requests that waited for a connection on a busy machine are late, not lost.
 */
export const drainTimeoutMs: number = 10_000;

/** Errors in one run. At the limit the run stops: it is invalid anyway, and a dead server must not be hammered. */
export const maxErrors: number = 1000;

/** The longest latency that the histogram tells apart, in µs. Longer ones are recorded as this one. */
export const maxLatencyUs: number = 60_000_000;

/** How long before a due time the alarm thread may ask to be woken, in µs: it learns this from how late its wake-ups come. */
export const maxHeadStartUs: number = 150;

/** The least time between two wake-ups of the alarm thread in µs. Requests due closer together are sent in one go: no spinning. */
export const minAlarmGapUs: number = 50;

/** From the start of a program until it listens, in ms. A node program on a busy machine needs one or two seconds; beyond it the system counts as failed. */
export const startTimeoutMs: number = 30_000;

/** From SIGTERM until a program is gone, in ms; then it is killed. Its connections are closed by then, so there is nothing to drain. */
export const stopTimeoutMs: number = 3000;
