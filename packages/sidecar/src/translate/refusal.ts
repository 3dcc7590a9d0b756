/** A resource that cannot be used. The message begins with the place inside the resource, and goes to the control plane as it is. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(path: string, why: string) {
    super(`${path}: ${why}`);
  }
}
