/** Monotonic time in µs with a fraction. The origin is the kernel's, so that it is the same in every thread of a process. */
export function nowUs(): number {
  const time = process.hrtime();
  return time[0] * 1e6 + time[1] / 1e3;
}
