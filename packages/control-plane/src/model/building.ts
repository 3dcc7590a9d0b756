import type { ModelPod, ModelPort } from './model.js';

/** While a model is built its objects are filled in, since they refer to each other in circles. */
export type Building<T> = { -readonly [K in keyof T]: T[K] };

export type PortInBuilding = Building<ModelPort>;
export type PodInBuilding = Building<ModelPod>;
