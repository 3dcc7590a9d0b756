import { readFileSync } from 'node:fs';
import { stillRuns } from '../programs/identity.js';
import type { KeeperRecord } from '../protocol.js';
import type { StatePaths } from './state-dir.js';

/** Who keeps this testbed, null when the record is missing or not whole. */
export function readRecord(paths: StatePaths): KeeperRecord | null {
  try {
    const record = JSON.parse(readFileSync(paths.record, 'utf8')) as KeeperRecord;
    return typeof record.pid === 'number' && typeof record.startedAt === 'string' ? record : null;
  } catch {
    return null;
  }
}

/** True when the process that the record names lives: the very one, not a later one with its number. */
export function keeperLives(record: KeeperRecord): boolean {
  return stillRuns(record);
}
