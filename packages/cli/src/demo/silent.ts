import { Writable } from 'node:stream';

/** A stream that shows nothing and keeps what was written, for when it has to be told after all. */
export function silent(): Writable & { readonly text: string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString('utf8'));
      done();
    },
  });
  return Object.defineProperty(stream, 'text', { get: () => chunks.join('') }) as Writable & { readonly text: string };
}
