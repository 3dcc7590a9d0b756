import { defaultPathOptions, type PathOptions } from '@tulle/proxy-core';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as Action,
  type HttpConnectionManager,
} from '@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { Refusal } from './refusal.js';

type Options = { -readonly [K in keyof PathOptions]?: PathOptions[K] };

/**
 * How the paths of requests are read: what differs from the proxy's own defaults. A backslash is refused, though Envoy takes it for a slash, unless escaped ones are to become
 * slashes: it is no part of a URI.
 * @throws Refusal
 */
export function pathOptions(manager: HttpConnectionManager, path: string): Partial<PathOptions> | undefined {
  const { normalizePath, mergeSlashes, pathWithEscapedSlashesAction: action } = manager;
  if (normalizePath === false) throw new Refusal(`${path}.normalize_path`, 'must not be false');
  const options: Options = {};
  if (!mergeSlashes) options.duplicateSlashes = 'keep';
  switch (action) {
    case Action.KEEP_UNCHANGED:
      options.escapedSlashes = 'keep';
      break;
    case Action.UNESCAPE_AND_FORWARD:
      options.escapedSlashes = 'decode';
      options.backslash = 'slash';
      break;
    case Action.IMPLEMENTATION_SPECIFIC_DEFAULT:
    case Action.REJECT_REQUEST:
      options.escapedSlashes = 'reject';
      break;
    default:
      throw new Refusal(
        `${path}.path_with_escaped_slashes_action`,
        `${Action[action] ?? action} is not understood; use REJECT_REQUEST, KEEP_UNCHANGED or UNESCAPE_AND_FORWARD`,
      );
  }
  const different = Object.entries(options).filter(
    ([name, value]) => defaultPathOptions[name as keyof Options] !== value,
  );
  return different.length === 0 ? undefined : Object.fromEntries(different);
}
