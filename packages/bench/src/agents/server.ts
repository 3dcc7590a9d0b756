/* The server's process: `server.js http|bulk HOST PORT BODY-BYTES`; says where it listens over the channel that node opens between parent and child. */
import { serveBulk } from '../server/bulk.js';
import { serveBench } from '../server/serve.js';

const [kind, host, port, bodyBytes] = process.argv.slice(2);
const server =
  kind === 'bulk'
    ? await serveBulk(host, Number(port))
    : await serveBench({ host, port: Number(port), bodyBytes: Number(bodyBytes) });
process.on('disconnect', () => process.exit(0));
process.send?.({ host: server.host, port: server.port });
