import type { AuthorizationConfig, PolicyConfig, Predicate } from '@tulle/proxy-core';
import {
  type Permission,
  type Policy,
  type Principal,
  type RBAC,
  RBAC_Action,
} from '@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js';
import type { HeaderMatcher } from '@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js';
import { Refusal } from './refusal.js';
import { portNumber, textMatch, token } from './values.js';

/** An RBAC filter without rules lets all pass, as does an absent one: undefined. */
export function authorization(rules: RBAC | undefined, path: string): AuthorizationConfig | undefined {
  if (rules === undefined) return undefined;
  const action = rules.action === RBAC_Action.ALLOW ? 'allow' : rules.action === RBAC_Action.DENY ? 'deny' : undefined;
  if (action === undefined) throw new Refusal(`${path}.action`, 'must be ALLOW or DENY');
  // Sorted, as Envoy evaluates a map of policies: the log names the first that matches.
  const names = Object.keys(rules.policies).sort();
  return { action, policies: names.map((name) => policy(name, rules.policies[name], `${path}.policies["${name}"]`)) };
}

function policy(name: string, { permissions, principals }: Policy, path: string): PolicyConfig {
  return {
    name,
    permissions: permissions.map((each, i) => permission(each, `${path}.permissions[${i}]`)),
    principals: principals.map((each, i) => principal(each, `${path}.principals[${i}]`)),
  };
}

function permission({ rule }: Permission, path: string): Predicate {
  switch (rule.case) {
    case 'any':
      return any(rule.value, path);
    case 'andRules':
      return {
        kind: 'all-of',
        of: rule.value.rules.map((each, i) => permission(each, `${path}.and_rules.rules[${i}]`)),
      };
    case 'orRules':
      return {
        kind: 'any-of',
        of: rule.value.rules.map((each, i) => permission(each, `${path}.or_rules.rules[${i}]`)),
      };
    case 'notRule':
      return { kind: 'not', of: permission(rule.value, `${path}.not_rule`) };
    case 'destinationPort':
      return { kind: 'port', port: portNumber(rule.value, `${path}.destination_port`) };
    case 'header':
      return header(rule.value, `${path}.header`);
    case 'urlPath': {
      if (rule.value.rule.case !== 'path') throw new Refusal(`${path}.url_path`, 'must have a path');
      const { kind, value } = textMatch(rule.value.rule.value, `${path}.url_path.path`);
      return { kind: 'path', match: kind, value };
    }
    default:
      throw new Refusal(path, 'says nothing');
  }
}

function header(matcher: HeaderMatcher, path: string): Predicate {
  const name = matcher.name.toLowerCase();
  const { headerMatchSpecifier: how, invertMatch } = matcher;
  if (name === ':method') {
    const method = how.case === 'stringMatch' ? textMatch(how.value, `${path}.string_match`) : undefined;
    if (method?.kind !== 'exact') throw new Refusal(path, ':method must be matched exactly');
    const is: Predicate = { kind: 'method', method: token(method.value, `${path}.string_match`) };
    return invertMatch ? { kind: 'not', of: is } : is;
  }
  if (name.startsWith(':')) throw new Refusal(`${path}.name`, `"${name}" is not understood; use url_path for paths`);
  token(name, `${path}.name`);
  const present: Predicate = { kind: 'header', name, match: 'present', value: '' };
  if (how.case === 'stringMatch') {
    const { kind, value } = textMatch(how.value, `${path}.string_match`);
    const is: Predicate = { kind: 'header', name, match: kind, value };
    // HeaderMatcher.invert_match: a value that does not match meets it, no value does not.
    return invertMatch ? { kind: 'all-of', of: [present, { kind: 'not', of: is }] } : is;
  }
  if (how.case !== undefined && how.case !== 'presentMatch') {
    throw new Refusal(path, 'must be string_match or present_match');
  }
  // No specifier means presence (HeaderMatcher, "if not specified, match will be performed based on whether the header is in the request").
  return (how.value ?? true) !== invertMatch ? present : { kind: 'not', of: present };
}

function principal({ identifier }: Principal, path: string): Predicate {
  switch (identifier.case) {
    case 'any':
      return any(identifier.value, path);
    case 'andIds':
      return {
        kind: 'all-of',
        of: identifier.value.ids.map((each, i) => principal(each, `${path}.and_ids.ids[${i}]`)),
      };
    case 'orIds':
      return { kind: 'any-of', of: identifier.value.ids.map((each, i) => principal(each, `${path}.or_ids.ids[${i}]`)) };
    case 'notId':
      return { kind: 'not', of: principal(identifier.value, `${path}.not_id`) };
    case 'authenticated': {
      const { principalName } = identifier.value;
      if (principalName === undefined) return { kind: 'authenticated' };
      const { kind, value } = textMatch(principalName, `${path}.authenticated.principal_name`);
      // Every name begins with nothing, but a peer without a certificate has no name.
      if (value === '') return kind === 'prefix' ? { kind: 'authenticated' } : { kind: 'not', of: { kind: 'any' } };
      return { kind: 'principal', match: kind, value };
    }
    default:
      throw new Refusal(path, 'says nothing');
  }
}

function any(value: boolean, path: string): Predicate {
  if (!value) throw new Refusal(`${path}.any`, 'must be true');
  return { kind: 'any' };
}
