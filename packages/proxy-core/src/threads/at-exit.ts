/**
 * A worker that blocks in a system call cannot be terminated: node would wait for it for ever when the program ends, by `process.exit` as by an error that nobody
 * caught. So threads that block are told to stop in the last moment in which JavaScript runs.
 */
const stops = new Set<() => void>();

function stopAll(): void {
  for (const stop of stops) stop();
}

/** Calls `stop` when the process exits; returns what takes that back. `stop` must be synchronous. */
export function stopAtExit(stop: () => void): () => void {
  if (stops.size === 0) process.on('exit', stopAll);
  stops.add(stop);
  return () => {
    stops.delete(stop);
    if (stops.size === 0) process.off('exit', stopAll);
  };
}
