import { once } from 'node:events';
import type { Command, Reply, RunFigures } from '../agents/protocol.js';
import type { Launched } from '../topology/launch.js';

/** The runner's side of the generator's process: one command at a time. */
export class GeneratorClient {
  readonly program: Launched;
  #answered: ((reply: Reply) => void) | undefined;
  #progress: ((requests: number) => void) | undefined;

  constructor(program: Launched) {
    this.program = program;
    this.#answered = undefined;
    this.#progress = undefined;
    program.child.on('message', (reply: Reply) => {
      if (reply.say === 'progress') this.#progress?.(reply.requests);
      else this.#answered?.(reply);
    });
    program.child.once('exit', () =>
      this.#answered?.({ say: 'failed', message: `the generator ${program.ended()}: ${program.said()}` }),
    );
  }

  /** Resolves when it takes commands. */
  static async ready(program: Launched): Promise<GeneratorClient> {
    const client = new GeneratorClient(program);
    await Promise.race([once(program.child, 'message'), once(program.child, 'exit'), once(program.child, 'error')]);
    const ended = program.ended();
    if (ended !== undefined) throw new Error(`the generator ${ended}: ${program.said()}`);
    return client;
  }

  async run(command: Extract<Command, { do: 'run' }>, progress?: (requests: number) => void): Promise<RunFigures> {
    this.#progress = progress;
    const reply = await this.ask(command);
    this.#progress = undefined;
    if (reply.say !== 'ran') throw new Error(`the generator said ${reply.say} to run`);
    return reply.figures;
  }

  /** @throws what the generator says went wrong, or that it is gone. */
  async ask(command: Command): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve) => {
      this.#answered = resolve;
      const ended = this.program.ended();
      if (ended === undefined) this.program.child.send(command);
      else resolve({ say: 'failed', message: `the generator ${ended}: ${this.program.said()}` });
    });
    this.#answered = undefined;
    if (reply.say === 'failed') throw new Error(reply.message);
    return reply;
  }
}
