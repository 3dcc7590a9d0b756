import type { Act } from '../act.js';

export const answered: Act = {
  id: 'answered',
  title: 'The client gets its answers, whole, and knows of nothing',
  async run(world, tell) {
    const options = ['--url', 'http://server/echo', '--rate', 'max', '--requests', '400', '--connections', '20'];
    const bodies = ['--body-bytes', '0-1M', '--verify-hash'];
    tell.say('400 bodies of up to a megabyte are sent and come back; each is compared by its SHA-256.');
    tell.command(world.typed(`exec client -- tulle bench load ${[...options, ...bodies].join(' ')}`));
    for (const mode of ['length', 'chunked']) {
      const result = await world.load('client', [...options, ...bodies, '--body-mode', mode]);
      const { answered: count, sent } = result.requests;
      const seen = `${count} of ${sent}, ${Math.round(result.bytes.received / 1024 / 1024)} MiB${result.invalid.length > 0 ? `; ${result.invalid.join('; ')}` : ''}`;
      tell.check(
        `bodies-${mode}`,
        result.valid && count === 400,
        `every body is right (${mode === 'length' ? 'content-length' : 'chunked'})`,
        seen,
      );
    }
  },
};
