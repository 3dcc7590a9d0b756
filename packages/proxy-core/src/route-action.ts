/** What a matched route asks for, done: forward to one of its clusters, redirect, or answer. */
import { failure } from './failure.js';
import type { Exchange } from './forward/exchange.js';
import { type HeadEdits, joinEdits, noEdits } from './message/edits.js';
import { fromLatin1 } from './message/head.js';
import type { Plane } from './plane.js';
import { ensureRequestId } from './request-id.js';
import { directFields, redirectFields } from './respond/local.js';
import { requestHash } from './route/hash-policy.js';
import { chooseCluster, rewrittenPath } from './route/match.js';
import { redirectLocation } from './route/redirect.js';
import type { ForwardAction, Route } from './route/table.js';

const noBody = new Uint8Array(0);

/** Does what the route says: forward to one of its clusters, redirect, or answer. `own` is what this direction itself changes in request heads. */
export function followRoute(
  plane: Pick<Plane, 'random' | 'cluster' | 'writeRequestId'>,
  exchange: Exchange,
  route: Route,
  own: HeadEdits,
): Exchange {
  const { action } = route;
  const { head } = exchange;
  exchange.route = route.name;
  if (action.kind === 'direct') {
    const { status, body, responseEdits } = action;
    return exchange.answerDirectly(status, directFields(body, responseEdits), body);
  }
  if (action.kind === 'redirect') {
    const location = redirectLocation(route, action, {
      authority: head.authorityText(),
      path: head.pathText(),
      query: head.queryText(),
      scheme: exchange.downstream.isTls ? 'https' : 'http',
    });
    return exchange.answerDirectly(action.status, redirectFields(location, action.responseEdits), noBody);
  }
  const name = chooseCluster(action.clusters, action.totalWeight, plane.random());
  const cluster = plane.cluster(name);
  if (cluster === undefined) return exchange.refuse(failure('no-cluster', `cluster ${name} is not known`));
  ensureRequestId(head, plane.writeRequestId);
  exchange.requestEdits = requestEdits(route, action, exchange, own);
  exchange.responseEdits = action.responseEdits;
  if (action.hashPolicy.length > 0) exchange.hash = requestHash(action.hashPolicy, head, exchange.downstream.remote);
  return exchange.forward(action, cluster);
}

function requestEdits(route: Route, action: ForwardAction, { head }: Exchange, own: HeadEdits): HeadEdits {
  if (action.rewrite === undefined) return own === noEdits ? action.requestEdits : joinEdits(action.requestEdits, own);
  const path = rewrittenPath(route, action, action.rewrite.path === undefined ? '' : head.pathText());
  const { host } = action.rewrite;
  return {
    path: path === undefined ? undefined : fromLatin1(path),
    authority: host === undefined ? undefined : fromLatin1(host),
    remove: [...action.requestEdits.remove, ...own.remove],
    append: [...action.requestEdits.append, ...own.append],
  };
}
