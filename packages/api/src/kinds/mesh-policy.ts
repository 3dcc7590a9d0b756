import { z } from 'zod';
import { ignored, strict } from '../schema/fields.js';
import { metadataOf, type ObjectMeta } from './metadata.js';

/** What holds for the whole mesh. There is one at most; its namespace has no meaning. */
export interface MeshPolicy {
  apiVersion: 'policy.tulle.dev/v1alpha1';
  kind: 'MeshPolicy';
  metadata: ObjectMeta;
  spec: {
    /**
     * How the paths of requests are read. It is for the mesh and not for a Service, since a path must mean the same at both ends of a connection, and since what makes
     * policies by path weaker is for whoever answers for the mesh to say.
     */
    paths: PathSettings;
  };
}

export interface PathSettings {
  /** `%2F` and `%5C`. `Reject`: 400. `Keep`: as bytes of a segment. `Unescape`: as the `/` that they stand for. */
  escapedSlashes: 'Reject' | 'Keep' | 'Unescape';
}

export const defaultPaths: PathSettings = { escapedSlashes: 'Reject' };

const paths: z.ZodType<PathSettings> = strict({
  escapedSlashes: z.enum(['Reject', 'Keep', 'Unescape']).default(defaultPaths.escapedSlashes),
});

export const meshPolicySchema: z.ZodType<MeshPolicy> = strict({
  apiVersion: z.literal('policy.tulle.dev/v1alpha1'),
  kind: z.literal('MeshPolicy'),
  metadata: metadataOf(),
  spec: strict({ paths: paths.default(defaultPaths) }),
  status: ignored,
});
