export { createAuthority, type LeafOptions, type TestAuthority, type TestIdentity } from './certificates.js';
export {
  answer,
  type FakeUpstream,
  fakeHttpUpstream,
  fakeTcpUpstream,
  type HttpUpstreamOptions,
  type SeenConnection,
  type Step,
  type TcpUpstreamOptions,
  truncatedAnswer,
} from './fake-upstream.js';
export { type IoHarness, type IoUnderTest, Scene, type SuiteTest } from './io-suite/harness.js';
export { type SilentListener, silentListener } from './io-suite/silent-listener.js';
export { ioSuite } from './io-suite/suite.js';
export { createMemoryIo, type Fault, type MemoryIo, type MemoryIoOptions } from './memory-io.js';
export {
  type Reaction,
  type RecordedEvent,
  RecordingAcceptor,
  RecordingHandler,
  RecordingSniffer,
  writeText,
} from './recording.js';
export { RequestCutter, type SeenRequest } from './request-cutter.js';
