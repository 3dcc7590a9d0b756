import type { ControlPlaneOptions } from '@tulle/control-plane';
import { Command, Option } from 'commander';
import type { Finish } from '../finish.js';
import { addressText, collect, seconds, text } from '../values.js';

const help = `
Example:
  $ tulle control-plane --config ./mesh --state ./state \\
      --token-issuer https://issuer.example --token-jwks ./jwks.json
  $ curl -s http://127.0.0.1:15014/debug/config     what it understood, and every problem with file and line
  $ curl -s http://127.0.0.1:15014/debug/sidecars   who is connected, and what each has acknowledged

Edits of the folder take effect within a second. A broken edit is reported and the last good state stays.
It runs in the foreground, prints one line when it serves, and ends on SIGTERM.`;

export function controlPlaneCommand(finish: Finish): Command {
  return new Command('control-plane')
    .summary('serves configuration and certificates to sidecars')
    .description('Reads Services, routes and policies from a folder of YAML and serves them to sidecars over xDS.')
    .requiredOption('--config <dir>', 'folder of YAML; repeatable, later ones override Pods', collect(text))
    .requiredOption('--state <dir>', 'where the CA key and the root certificate are kept')
    .requiredOption('--token-issuer <iss>', 'issuer of the service-account tokens that workloads show')
    .requiredOption('--token-jwks <file>', 'public keys of that issuer, JWKS')
    .option('--ads <addr:port>', 'xDS over gRPC with mTLS', addressText, '0.0.0.0:15012')
    .option('--certificates <addr:port>', 'certificates for workloads, gRPC', addressText, '0.0.0.0:15013')
    .option('--admin <addr:port>', '/ready, /metrics and /debug over HTTP', addressText, '127.0.0.1:15014')
    .option('--trust-domain <name>', 'trust domain of all identities', 'cluster.local')
    .option('--certificate-life <time>', 'how long certificates live (default: 1h)', seconds)
    .addOption(
      new Option('--log-level <level>', 'of the JSON log on standard error')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText('after', help)
    .action(async ({ certificateLife, ...flags }: ControlPlaneOptions & { certificateLife?: number }) => {
      const { runControlPlane } = await import('@tulle/control-plane');
      const life = certificateLife === undefined ? {} : { svidTtlMs: certificateLife * 1000 };
      finish(await runControlPlane({ ...flags, ...life }));
    });
}
