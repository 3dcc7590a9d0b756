/** @tulle/sidecar: the proxy of a pod, fed by a control plane. */
export { type RunSidecarOptions, runSidecar } from './run.js';
