export type { TrustBundle } from './ca/trust.js';
export type { ControlPlaneOptions } from './options.js';
export { runControlPlane } from './run.js';
