import { readdirSync } from 'node:fs';
import t from 'tap';
import { defaultLimits, type Limits } from '../../src/limits.js';
import { readCases } from './case-file.js';
import { splits, transcribe } from './transcript.js';

/** Small enough that a case can reach every edge. */
const limits: Limits = {
  ...defaultLimits,
  maxHeadBytes: 1_024,
  maxHeaderFields: 16,
  maxTargetBytes: 256,
  maxChunkExtensionBytes: 32,
  maxChunkOverheadBytes: 256,
  maxTrailerBytes: 128,
  maxInterimResponses: 3,
};

const folder = new URL('./cases/', import.meta.url);
for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.md')) continue;
  t.test(name, (t) => {
    const cases = readCases(new URL(name, folder));
    t.ok(cases.length > 0, 'holds cases');
    for (const one of cases) {
      const reading = { ...one, limits };
      t.same(transcribe(reading, [one.bytes]), one.events, `${one.title}: whole`);
      const bad = [...splits(one.bytes)].find(
        (pieces) => JSON.stringify(transcribe(reading, pieces)) !== JSON.stringify(one.events),
      );
      t.same(bad && transcribe(reading, bad), undefined, `${one.title}: split at every byte`);
    }
    t.end();
  });
}
