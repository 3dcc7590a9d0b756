import { connect } from 'node:net';
import { keeperAnswerDeadlineMs } from '../limits.js';
import type { Reply, Request, Results } from '../protocol.js';

const endedEarly = 'the keeper of the testbed ended before it answered';

/** No keeper listens there: the testbed is not up, or its keeper is gone. */
export class NoKeeper extends Error {}

/**
 * Sends one request to a keeper and returns its result. Throws NoKeeper when none listens, an Error with the keeper's words
 * when it refuses, and an Error when it says nothing for `deadlineMs`.
 */
export function askKeeper<R extends Request>(
  socketPath: string,
  request: R,
  options: { progress?: (text: string) => void; deadlineMs?: number } = {},
): Promise<Results[R['op']]> {
  const deadlineMs = options.deadlineMs ?? keeperAnswerDeadlineMs;
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = '';
    socket.setTimeout(deadlineMs, () => {
      socket.destroy();
      reject(
        new Error(
          `the keeper of the testbed did not answer within ${deadlineMs / 1000} s; \`tulle testbed down\` ends it`,
        ),
      );
    });
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk) => {
      text += chunk;
      for (let newline = text.indexOf('\n'); newline >= 0; newline = text.indexOf('\n')) {
        const reply = JSON.parse(text.slice(0, newline)) as Reply;
        text = text.slice(newline + 1);
        if ('progress' in reply) options.progress?.(reply.progress);
        else if (reply.ok) resolve(reply.result as Results[R['op']]);
        else reject(new Error(reply.error));
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const absent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      const gone = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      reject(absent ? new NoKeeper(error.message) : gone ? new Error(endedEarly) : error);
    });
    socket.on('close', () => reject(new Error(endedEarly)));
  });
}
