export type { ProviderWish } from './commands/choose-provider.js';
export { type TestbedControlOptions, testbedControl } from './commands/control.js';
export { type TestbedDownOptions, testbedDown } from './commands/down.js';
export { execCommand, type TestbedExecOptions, testbedExec } from './commands/exec.js';
export { type TestbedLogsOptions, testbedLogs } from './commands/logs.js';
export { startTestbedCapture, testbedUsage } from './commands/measure.js';
export { readTestbedStatus, type TestbedStatusOptions, testbedStatus } from './commands/status.js';
export { type TestbedUpOptions, testbedUp } from './commands/up.js';
export { type NetnsProbe, probeNetns } from './netns/probe.js';
export type { Usage } from './programs/usage.js';
export type {
  CaptureResult,
  ControlAction,
  PodStatusLine,
  ProgramStatus,
  ServiceStatusLine,
  TestbedStatus,
} from './protocol.js';
export type { ProviderKind } from './provider.js';
