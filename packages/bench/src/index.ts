export { readCase, shippedCases } from './cases/read-case.js';
export { type RunCompareOptions, runCompareProgram } from './compare/compare-program.js';
export { maxLatenessP99Us, requestTimeoutMs } from './limits.js';
export type { ScheduleKind } from './load/arrivals.js';
export { generateLoad } from './load/generate.js';
export type { Percentiles } from './load/latencies.js';
export { BadLoadOptions, type LoadOptions } from './load/options.js';
export type { BodyMode, BodySize } from './load/payload.js';
export { type LoadResult, renderLoadResult } from './load/result.js';
export { type RunLoadOptions, runLoad, runServer } from './programs.js';
export { type ReportOptions, runReport } from './report/report-program.js';
export type {
  BenchCase,
  Bulk,
  ClosedLoop,
  Goal,
  IdleConnections,
  MetricName,
  OpenLoop,
  RoundPlan,
  Work,
} from './result/bench-case.js';
export type {
  BenchResult,
  CaseResult,
  CpuUse,
  CrossCheck,
  MachineInfo,
  Pinning,
  ProcessUse,
  Role,
  Round,
  RunInfo,
  SparseHistogram,
  SystemInfo,
  ThreadUse,
} from './result/bench-result.js';
export { figureOf, type Metric, metrics, percentile, proxyCpuUs } from './result/metrics.js';
export { type RunBenchOptions, runBenchProgram } from './run/bench-program.js';
export { type BenchListener, type BenchOptions, runBench } from './run/run-bench.js';
export { type BenchServer, type ServeOptions, serveBench } from './server/serve.js';
export { type PeersOptions, runPeers } from './systems/peers-program.js';
export type { TulleBuild } from './systems/tulle.js';
export {
  bytesText,
  type OverheadRow,
  type OverheadTable,
  overheadTable,
  type PathLatency,
  type PathMeasurement,
  type PerSidecar,
  ratioText,
  renderOverheadMarkdown,
  renderOverheadText,
  timeText,
} from './table.js';
