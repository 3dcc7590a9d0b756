/**
 * Stage policy: may this peer do this? Pure, and closed when in doubt: what cannot be known of a connection (the method of an opaque TCP stream) is `unknown`,
 * and unknown never satisfies an allow rule and always satisfies a deny rule (Kleene's three values).
 */
import type { AuthorizationConfig, Predicate } from '../config/config.js';
import type { Head } from '../message/head.js';
import { fromLatin1 } from '../message/head.js';

export interface Authorization {
  readonly denies: readonly CompiledPolicy[];
  readonly allows: readonly CompiledPolicy[];
  /** An allow list exists, so that nothing is allowed by default. */
  readonly defaultDeny: boolean;
}

interface CompiledPolicy {
  readonly name: string;
  readonly principals: readonly CompiledPredicate[];
  readonly permissions: readonly CompiledPredicate[];
}

type CompiledPredicate =
  | Exclude<Predicate, { kind: 'path' | 'header' | 'all-of' | 'any-of' | 'not' }>
  | { readonly kind: 'all-of' | 'any-of'; readonly of: readonly CompiledPredicate[] }
  | { readonly kind: 'not'; readonly of: CompiledPredicate }
  | { readonly kind: 'path'; readonly match: 'exact' | 'prefix'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'header';
      readonly name: Uint8Array;
      readonly match: 'exact' | 'prefix' | 'present';
      readonly value: string;
    };

/** What is known about who asks for what. */
export interface AccessFacts {
  /** The one verified URI SAN of the peer, '' when it is not authenticated. */
  readonly peerUri: string;
  /** Port that the connection was made to. */
  readonly port: number;
  /** undefined for an opaque connection. */
  readonly head: Head | undefined;
}

export interface Verdict {
  readonly allowed: boolean;
  /** Name of the policy that decided; '' when the default did. */
  readonly policy: string;
}

type Truth = 'true' | 'false' | 'unknown';

const allowedByDefault: Verdict = { allowed: true, policy: '' };
const deniedByDefault: Verdict = { allowed: false, policy: '' };

export function compileAuthorization(configs: readonly AuthorizationConfig[]): Authorization {
  const compile = (action: 'allow' | 'deny'): CompiledPolicy[] =>
    configs
      .filter((config) => config.action === action)
      .flatMap((config) => config.policies)
      .map(({ name, principals, permissions }) => ({
        name,
        principals: principals.map(compilePredicate),
        permissions: permissions.map(compilePredicate),
      }));
  return {
    denies: compile('deny'),
    allows: compile('allow'),
    defaultDeny: configs.some(({ action }) => action === 'allow'),
  };
}

function compilePredicate(predicate: Predicate): CompiledPredicate {
  switch (predicate.kind) {
    case 'all-of':
    case 'any-of':
      return { kind: predicate.kind, of: predicate.of.map(compilePredicate) };
    case 'not':
      return { kind: 'not', of: compilePredicate(predicate.of) };
    case 'path':
      return { kind: 'path', match: predicate.match, bytes: fromLatin1(predicate.value) };
    case 'header':
      return {
        kind: 'header',
        name: fromLatin1(predicate.name.toLowerCase()),
        match: predicate.match,
        value: predicate.value,
      };
    default:
      return predicate;
  }
}

/** Deny lists first; then, where there is an allow list, one of its policies must match. */
export function authorize(authorization: Authorization, facts: AccessFacts): Verdict {
  for (const policy of authorization.denies) {
    if (policyMatches(policy, facts) !== 'false') return { allowed: false, policy: policy.name };
  }
  if (!authorization.defaultDeny) return allowedByDefault;
  for (const policy of authorization.allows) {
    if (policyMatches(policy, facts) === 'true') return { allowed: true, policy: policy.name };
  }
  return deniedByDefault;
}

function policyMatches(policy: CompiledPolicy, facts: AccessFacts): Truth {
  return and(any(policy.principals, facts), () => any(policy.permissions, facts));
}

function evaluate(predicate: CompiledPredicate, facts: AccessFacts): Truth {
  const seen = wholeOf(facts.head);
  switch (predicate.kind) {
    case 'any':
      return 'true';
    case 'all-of': {
      let result: Truth = 'true';
      for (const each of predicate.of) result = and(result, () => evaluate(each, facts));
      return result;
    }
    case 'any-of':
      return any(predicate.of, facts);
    case 'not': {
      const inner = evaluate(predicate.of, facts);
      return inner === 'unknown' ? 'unknown' : truth(inner === 'false');
    }
    case 'authenticated':
      return truth(facts.peerUri !== '');
    case 'principal':
      if (facts.peerUri === '') return 'false';
      return truth(
        predicate.match === 'exact' ? facts.peerUri === predicate.value : facts.peerUri.startsWith(predicate.value),
      );
    case 'port':
      return truth(facts.port === predicate.port);
    case 'method':
      return methodMatches(facts.head, predicate.method);
    case 'path':
      return seen === undefined ? 'unknown' : truth(pathMatches(seen, predicate.match, predicate.bytes));
    case 'header':
      return seen === undefined ? 'unknown' : headerMatches(seen, predicate);
  }
}

/**
 * The head of all that is asked; undefined where a tunnel is there or asked for. What goes through one is not seen, and an application that answers CONNECT with 200
 * without being a proxy would read the next request there.
 */
function wholeOf(head: Head | undefined): Head | undefined {
  return head?.method === 'CONNECT' ? undefined : head;
}

/** In other letters it is another method, but not to every application: neither an allow rule is met by it nor a deny rule dodged. Known ones the codec refuses so. */
function methodMatches(head: Head | undefined, wanted: string): Truth {
  if (head === undefined) return 'unknown';
  const { method } = head;
  if (method === wanted) return 'true';
  const isOnlySpelt = method.length === wanted.length && method.toUpperCase() === wanted.toUpperCase();
  return isOnlySpelt || wholeOf(head) === undefined ? 'unknown' : 'false';
}

function any(predicates: readonly CompiledPredicate[], facts: AccessFacts): Truth {
  let result: Truth = 'false';
  for (const predicate of predicates) {
    const each = evaluate(predicate, facts);
    if (each === 'true') return 'true';
    if (each === 'unknown') result = 'unknown';
  }
  return result;
}

function and(left: Truth, right: () => Truth): Truth {
  if (left === 'false') return 'false';
  const other = right();
  if (other === 'false') return 'false';
  return left === 'unknown' || other === 'unknown' ? 'unknown' : 'true';
}

function truth(value: boolean): Truth {
  return value ? 'true' : 'false';
}

function pathMatches(head: Head, match: 'exact' | 'prefix', bytes: Uint8Array): boolean {
  const length = head.pathEnd - head.pathStart;
  if (match === 'exact' ? length !== bytes.length : length < bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (head.path[head.pathStart + i] !== bytes[i]) return false;
  return true;
}

/**
 * Several fields of one name of which only some match: which of them the application will read is not known here, so neither an allow rule is met by the good one
 * nor a deny rule dodged by hiding the bad one.
 */
function headerMatches(head: Head, predicate: Extract<CompiledPredicate, { kind: 'header' }>): Truth {
  let result: Truth | undefined;
  for (let index = head.findName(predicate.name); index >= 0; index = head.findName(predicate.name, index + 1)) {
    if (predicate.match === 'present') return 'true';
    const value = head.value(index);
    const each = truth(predicate.match === 'exact' ? value === predicate.value : value.startsWith(predicate.value));
    if (result !== undefined && result !== each) return 'unknown';
    result = each;
  }
  return result ?? 'false';
}
