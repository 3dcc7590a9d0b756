import { defaultPaths, type PathSettings, type Problem } from '@tulle/api';
import type { Collected } from './collect.js';

/** What the MeshPolicy says, or what holds without one. Two would leave open which of them holds. */
export function meshSettings({ meshPolicies }: Collected): { paths: PathSettings; problems: Problem[] } {
  const [first, ...others] = meshPolicies;
  const problems = others.map((other) => {
    const { name } = first.resource.metadata;
    const message = `a second MeshPolicy: ${name} in ${first.file} is one already`;
    return other.problemAt(['metadata', 'name'], message, 'Merge the two: a mesh has one at most.');
  });
  return { paths: first?.resource.spec.paths ?? defaultPaths, problems };
}
