export { applyInterception, removeInterception } from './apply.js';
export { InterceptionError, type InterceptionErrorCode } from './errors.js';
export { interceptionTable } from './model/interception.js';
export type { Chain, Match, Rule, Table, Verdict } from './model/table.js';
export { renderIptablesText } from './render/iptables-text.js';
export { renderNftText } from './render/nft-text.js';
export type { Cidr } from './rules/cidr.js';
export {
  InterceptionRulesError,
  interceptionRules,
  interceptionRulesJson,
  parseInterceptionRules,
  type RulesProblem,
} from './rules/parse.js';
export {
  DEFAULT_INBOUND_PORT,
  DEFAULT_OUTBOUND_PORT,
  DEFAULT_SIDECAR_PORTS,
  type Exclusions,
  type InterceptionRules,
  type ProxyTraffic,
  type SidecarPorts,
} from './rules/value.js';
export {
  type InterceptionAction,
  type InterceptionFormat,
  type InterceptionOptions,
  runInterception,
} from './run.js';
