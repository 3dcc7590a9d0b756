import type { Act } from './act.js';
import { comesUp } from './acts/1-comes-up.js';
import { takenOver } from './acts/2-taken-over.js';
import { hasRules } from './acts/3-has-rules.js';
import { encrypted } from './acts/4-encrypted.js';
import { authorised } from './acts/5-authorised.js';
import { observed } from './acts/6-observed.js';
import { answered } from './acts/7-answered.js';
import { controlPlaneKilled } from './acts/8-control-plane-killed.js';
import { sidecarRestarted } from './acts/9-sidecar-restarted.js';
import { cost } from './acts/10-cost.js';

/** The seven steps of a request, what happens without the control plane, and the price. In this order: later acts use what earlier ones did. */
export const story: readonly Act[] = [
  comesUp,
  takenOver,
  hasRules,
  encrypted,
  authorised,
  observed,
  answered,
  controlPlaneKilled,
  sidecarRestarted,
  cost,
];
