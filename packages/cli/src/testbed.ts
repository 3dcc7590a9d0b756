import type { TestbedStatus } from '@tulle/testbed';
import { WrongUse } from './failure.js';

/** Loaded when a command needs it. */
export type TestbedModule = typeof import('@tulle/testbed');

export async function testbed(): Promise<TestbedModule> {
  return await import('@tulle/testbed');
}

/** The keeper's view, or undefined when no such testbed is up. A crashed one is an error that says how to clear it. */
export async function statusIfUp(module: TestbedModule, name: string): Promise<TestbedStatus | undefined> {
  try {
    return await module.readTestbedStatus(name);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('no testbed ')) return undefined;
    throw error;
  }
}

/** @throws WrongUse */
export function checkTestbedName(name: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(name)) return name;
  throw new WrongUse(`--name ${name}: use 1 to 32 lower-case letters, digits and "-", not at the ends`);
}
