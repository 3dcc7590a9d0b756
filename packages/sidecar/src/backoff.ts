/** Waits between attempts: exponential, with full jitter above half, so that many sidecars do not come at once. Pure: randomness is handed in. */
export class Backoff {
  private readonly firstMs: number;
  private readonly longestMs: number;
  private readonly random: () => number;
  private failures = 0;

  /** @param random uniform in [0, 1). */
  constructor(firstMs: number, longestMs: number, random: () => number) {
    this.firstMs = firstMs;
    this.longestMs = longestMs;
    this.random = random;
  }

  /** How long to wait now, in milliseconds; never longer than `longestMs`, for a failure that calls for haste. */
  next(longestMs: number = this.longestMs): number {
    const full = Math.min(this.firstMs * 2 ** this.failures, this.longestMs, longestMs);
    this.failures = Math.min(this.failures + 1, 30);
    return full * (0.5 + this.random() / 2);
  }

  /** It went well: the next wait is the first again. */
  reset(): void {
    this.failures = 0;
  }
}
