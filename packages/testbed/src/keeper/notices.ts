/** What is kept; past it the oldest is dropped: a testbed left alone must not fill its memory. */
const most = 20;

/** Things that a testbed has to say of itself, one about each matter, for as long as it is so. Pure. */
export class Notices {
  readonly #byMatter: Map<string, string> = new Map();

  /** Says it; what was said about the same matter before is gone. False when it was said already. */
  tell(matter: string, text: string): boolean {
    if (this.#byMatter.get(matter) === text) return false;
    this.#byMatter.delete(matter);
    this.#byMatter.set(matter, text);
    for (const oldest of this.#byMatter.keys()) {
      if (this.#byMatter.size <= most) break;
      this.#byMatter.delete(oldest);
    }
    return true;
  }

  /** It is so no longer. */
  resolve(matter: string): void {
    this.#byMatter.delete(matter);
  }

  has(matter: string): boolean {
    return this.#byMatter.has(matter);
  }

  /** In the order in which they were said. */
  list(): string[] {
    return [...this.#byMatter.values()];
  }
}
