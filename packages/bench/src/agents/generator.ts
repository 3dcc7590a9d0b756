/* The generator's process: takes commands from the runner over the channel that node opens between parent and child. */
import type { Command, Reply } from './protocol.js';
import { type Job, jobFor } from './work.js';

let job: Job | undefined;

function say(reply: Reply): void {
  process.send?.(reply);
}

async function obey(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'open':
      job?.close();
      job = jobFor(command.target, command.work);
      await job.open();
      return { say: 'opened' };
    case 'run': {
      if (job === undefined) throw new Error('nothing is open');
      const { seconds, requests, progressEvery } = command;
      const figures = await job.run(seconds, requests, progressEvery, (done) =>
        say({ say: 'progress', requests: done }),
      );
      return { say: 'ran', figures };
    }
    case 'close':
      job?.close();
      job = undefined;
      return { say: 'closed' };
  }
}

process.on('message', (command: Command) => {
  obey(command).then(say, (error: unknown) =>
    say({ say: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
});
// The runner is gone: so is the reason to be here.
process.on('disconnect', () => process.exit(0));
say({ say: 'ready' });
