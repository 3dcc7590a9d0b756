import {
  type Permission,
  type Principal,
  type RBAC,
  RBAC_Action,
} from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js';
import type { StringMatcher } from '@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js';

/** A request, or of opaque bytes the connection: then without method and path. */
export interface Attempt {
  /** SPIFFE id; undefined without a certificate. */
  peer: string | undefined;
  port: number;
  method?: string;
  path?: string;
}

/** What Envoy decides (envoy.config.rbac.v3.RBAC): a filter that denies ends it, and each must let it through. */
export function isAllowed(filters: readonly RBAC[], attempt: Attempt): boolean {
  return filters.every(({ action, policies }) => {
    const matched = Object.values(policies).some(
      ({ permissions, principals }) =>
        permissions.some((it) => permits(it, attempt)) && principals.some((it) => isPrincipal(it, attempt)),
    );
    return action === RBAC_Action.ALLOW ? matched : !matched;
  });
}

function permits({ rule }: Permission, attempt: Attempt): boolean {
  switch (rule.case) {
    case 'any':
      return rule.value;
    case 'andRules':
      return rule.value.rules.every((it) => permits(it, attempt));
    case 'orRules':
      return rule.value.rules.some((it) => permits(it, attempt));
    case 'destinationPort':
      return rule.value === attempt.port;
    case 'header': {
      const { headerMatchSpecifier: matcher, name } = rule.value;
      if (name !== ':method' || matcher.case !== 'stringMatch') throw new Error('not a match of the method');
      return matches(matcher.value, attempt.method);
    }
    case 'urlPath':
      return rule.value.rule.case === 'path' && matches(rule.value.rule.value, attempt.path);
    default:
      throw new Error(`unexpected permission ${rule.case}`);
  }
}

function isPrincipal({ identifier }: Principal, attempt: Attempt): boolean {
  switch (identifier.case) {
    case 'any':
      return identifier.value;
    case 'andIds':
      return identifier.value.ids.every((it) => isPrincipal(it, attempt));
    case 'orIds':
      return identifier.value.ids.some((it) => isPrincipal(it, attempt));
    case 'authenticated': {
      const { principalName } = identifier.value;
      return attempt.peer !== undefined && (principalName === undefined || matches(principalName, attempt.peer));
    }
    default:
      throw new Error(`unexpected principal ${identifier.case}`);
  }
}

function matches({ matchPattern }: StringMatcher, text: string | undefined): boolean {
  if (text === undefined) return false;
  if (matchPattern.case === 'exact') return text === matchPattern.value;
  if (matchPattern.case === 'prefix') return matchPattern.value !== '' && text.startsWith(matchPattern.value);
  throw new Error(`unexpected pattern ${matchPattern.case}`);
}
