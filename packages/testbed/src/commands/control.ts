import { controlPlaneReadyDeadlineMs, sidecarReadyDeadlineMs, stopGraceMs } from '../limits.js';
import type { ControlAction } from '../protocol.js';
import { ask, command } from './ask.js';
import type { Streams } from './output.js';

export interface TestbedControlOptions extends Streams {
  name?: string;
  action: ControlAction;
  /** `control-plane`, `POD`, `POD/proxy`, `POD/app` or `POD/CONTAINER`, each with an optional `NAMESPACE/` before it. */
  target: string;
}

/** Longer than the slowest thing that the keeper may wait for. */
const controlDeadlineMs: number = controlPlaneReadyDeadlineMs + sidecarReadyDeadlineMs + 4 * stopGraceMs;

/** `tulle testbed stop|start|kill|restart`: returns when it is done, for start and restart when the target is ready. */
export async function testbedControl(options: TestbedControlOptions): Promise<number> {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  return await command(stderr, async () => {
    const request = { op: 'control' as const, action: options.action, target: options.target };
    const { done } = await ask(options.name, request, {
      deadlineMs: controlDeadlineMs,
      progress: (text) => stderr.write(`${text}\n`),
    });
    stdout.write(`${done}\n`);
    return 0;
  });
}
