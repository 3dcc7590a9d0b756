import { formatProblem } from '@tulle/api';
import { hostPort } from '@tulle/xds';
import { jsonPage, listenAdmin, type Pages, textPage } from './admin/http.js';
import { createMetrics } from './admin/metrics.js';
import { configView, readyView, sidecarView } from './admin/views.js';
import { createJwksReviewer } from './ca/jwks-reviewer.js';
import { type CertificateAuthority, openAuthority } from './ca/open.js';
import type { CheckedOptions } from './options.js';
import { createAdsService } from './serve/ads-service.js';
import { createSignCertificate } from './serve/certificate-service.js';
import { type Log, realTimer, type SetTimer } from './serve/events.js';
import { type Listening, listenAds, listenCertificates } from './serve/listen.js';
import type { Translate } from './serve/node-snapshots.js';
import { createServerCertificate, type ServerCertificate } from './serve/server-certificate.js';
import type { ConfigSource, SourceState } from './source/source.js';

/** How often is looked whether a root of the authority is due for renewal. */
const ROOT_CHECK_MS = 60 * 60 * 1000;

/** What a control plane is made of beside its options. */
export interface Parts {
  source: ConfigSource;
  translate: Translate;
  log: Log;
}

/** A control plane that listens; whether it is ready, `ready` says. */
export interface ControlPlane {
  /** As bound, ports included. */
  readonly addresses: { ads: string; certificates: string; admin: string };
  /** Resolves when there is a first good configuration. Never, if there is none before `close`. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the authority, listens, and reads the configuration, in this order. A configuration that is broken from the start leaves
 * a control plane that signs certificates, serves no configuration, and says on its admin pages what is wrong.
 * @throws StateError, ListenError, each with its remedy; then nothing is left listening.
 */
export async function startControlPlane(options: CheckedOptions, parts: Parts): Promise<ControlPlane> {
  const { source, log } = parts;
  const authority = await openAuthority({ stateDir: options.state, trustDomain: options.trustDomain });
  const metrics = createMetrics();
  const { events } = metrics;
  const clock = { now: Date.now, setTimer: realTimer };
  const ttlMs = options.svidTtlMs;
  const certificate = await createServerCertificate({ authority, ttlMs, log, ...clock });
  const reviewer = createJwksReviewer({ issuer: options.tokenIssuer, jwksFile: options.tokenJwks });
  const sign = createSignCertificate({
    authority,
    reviewer,
    pods: () => source.current().model,
    ttlMs,
    events,
    log,
  });
  const service = createAdsService({
    trustDomain: options.trustDomain,
    translate: parts.translate,
    events,
    log,
    defer: setImmediate,
    ...clock,
  });
  const pages: Pages = {
    '/ready': () => {
      const { ready, text } = readyView(source.current());
      return textPage(ready ? 200 : 503, text);
    },
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    '/debug/config': () => jsonPage(configView(source.current())),
    '/debug/sidecars': () => jsonPage(service.report().map(sidecarView)),
  };

  const listening: Listening[] = [];
  const listen = async (server: Promise<Listening>): Promise<string> => {
    listening.push(await server);
    return listening.at(-1)!.address;
  };
  const close = async (): Promise<void> => {
    await source.close();
    cancelRootCheck();
    service.close();
    certificate.close();
    await Promise.all(listening.map((server) => server.close()));
  };
  const publish = (): void => {
    const { model } = source.current();
    if (model !== undefined) service.update({ model, trust: authority.trust() });
  };
  const cancelRootCheck = keepRoots(authority, certificate, publish, clock.setTimer, log);
  try {
    const at = ({ host, port }: { host: string; port: number }): string => hostPort(host, port);
    const addresses = {
      ads: await listen(listenAds(at(options.ads), certificate.mutual, (call) => service.handle(call))),
      certificates: await listen(listenCertificates(at(options.certificates), certificate.serverAuth, sign)),
      admin: await listen(listenAdmin(options.admin.host, options.admin.port, pages)),
    };
    const ready = new Promise<void>((resolve) => {
      const note = createConfigLog(log);
      source.onChange((state) => {
        metrics.configChanged(state);
        note(state);
        publish();
        if (state.model !== undefined) resolve();
      });
    });
    await source.start();
    return { addresses, ready, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Renews roots now and then; what trusts and what is told of trust follows. */
function keepRoots(
  authority: CertificateAuthority,
  certificate: ServerCertificate,
  publish: () => void,
  setTimer: SetTimer,
  log: Log,
): () => void {
  let closed = false;
  let cancel = () => {};
  const check = async (): Promise<void> => {
    try {
      if (await authority.renew()) {
        log.info({ trustGeneration: authority.trust().generation }, 'roots renewed');
        await certificate.renew();
        publish();
      }
    } catch (err) {
      log.error({ err }, 'roots could not be renewed');
    }
    if (!closed) cancel = setTimer(ROOT_CHECK_MS, () => void check());
  };
  void check();
  return () => {
    closed = true;
    cancel();
  };
}

/** Logs what changed, and a list of problems once, however often it is reported. */
function createConfigLog(log: Log): (state: SourceState) => void {
  let lastProblems = '';
  let lastGeneration: number | undefined;
  return ({ model, problems, restoredFrom }) => {
    if (model !== undefined && model.generation !== lastGeneration) {
      const { generation, services, pods, routes } = model;
      const counts = { services: services.length, pods: pods.length, routes: routes.length };
      if (restoredFrom === undefined) log.info({ generation, ...counts }, 'configuration taken');
      else
        log.warn(
          { generation, ...counts, restoredFrom },
          'the files are broken: serving the last good configuration, from disk',
        );
      lastGeneration = generation;
    }
    const lines = problems.map(formatProblem);
    const text = lines.join('\n');
    if (text === lastProblems) return;
    lastProblems = text;
    const serving = model === undefined ? 'nothing is served yet' : 'the last good configuration goes on serving';
    for (const [index, line] of lines.entries())
      log.error({ ...problems[index], serving }, `configuration refused: ${line}`);
  };
}
