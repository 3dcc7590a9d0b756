import { z } from 'zod';
import type { BenchCase, Goal } from '../result/bench-case.js';
import { metrics } from '../result/metrics.js';

/** The shape of a case file. Unknown keys are errors; what may be left out has its default here. */

const metricName = z.enum(Object.keys(metrics) as [keyof typeof metrics, ...(keyof typeof metrics)[]]);
const connections = z.int().min(1).max(10_000);
/** 64 MiB: what the server and the generator keep in memory at once. */
const bodyBytes = z
  .int()
  .min(0)
  .max(64 * 1024 * 1024);

const closed = z.strictObject({
  kind: z.literal('closed'),
  connections: connections.default(16),
  keepAlive: z.boolean().default(true),
  requestBytes: bodyBytes.default(0),
  responseBytes: bodyBytes.default(1024),
});

const open = z.strictObject({
  kind: z.literal('open'),
  connections: connections.default(16),
  keepAlive: z.literal(true).default(true),
  requestBytes: bodyBytes.default(0),
  responseBytes: bodyBytes.default(1024),
  rate: z.number().positive().max(1_000_000).default(1000),
  arrivals: z.enum(['fixed', 'poisson', 'bursts']).default('poisson'),
  burst: z.int().min(1).max(10_000).default(1),
});

const bulk = z.strictObject({ kind: z.literal('bulk'), connections: z.int().min(1).max(100).default(1) });

const idle = z.strictObject({
  kind: z.literal('idle'),
  connections: connections.default(5000),
  responseBytes: bodyBytes.default(1024),
});

const rounds = z
  .strictObject({
    min: z.int().min(1).max(1000).default(5),
    max: z.int().min(1).max(1000).default(40),
    seconds: z.number().positive().max(600).default(1),
    requests: z.int().min(1).max(100_000_000).optional(),
    detect: z.number().positive().max(10).default(0.03),
    warmupRequests: z.int().min(0).max(10_000_000).default(20_000),
    settleSeconds: z.number().min(0).max(60).default(0.2),
    sampleMemoryEvery: z.int().min(1).optional(),
  })
  .refine(({ min, max }) => min <= max, { path: ['max'], message: 'max is less than min' });

const goal = z
  .strictObject({
    metric: metricName,
    system: z.string().default('tulle-linux'),
    against: z.string().optional(),
    ratio: z.number().positive().optional(),
    limit: z.number().optional(),
  })
  .refine(({ against, ratio, limit }) => (against === undefined ? limit : ratio) !== undefined, {
    message: 'write `against` and `ratio` for a relative goal, `limit` for an absolute one',
  });

export const caseSchema: z.ZodType<BenchCase> = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'lower-case letters, digits and dashes'),
    title: z.string().min(1).max(200),
    protocol: z.enum(['http1', 'tcp']),
    hops: z.union([z.literal(1), z.literal(2)]),
    tls: z.enum(['none', 'between', 'downstream']).default('none'),
    work: z.discriminatedUnion('kind', [closed, open, bulk, idle]),
    placement: z.enum(['one-cpu', 'apart']),
    metrics: z.array(metricName).min(1),
    goals: z.array(goal).default([]),
    rounds: rounds.prefault({}),
  })
  .refine(({ hops, tls }) => tls !== 'between' || hops === 2, {
    path: ['tls'],
    message: '`between` is between two proxies: write `hops: 2`',
  })
  .refine(({ hops, tls }) => tls !== 'downstream' || hops === 1, {
    path: ['tls'],
    message: '`downstream` is between the generator and its only proxy: write `hops: 1`',
  })
  .refine(({ tls, work }) => tls !== 'downstream' || work.kind === 'closed' || work.kind === 'idle', {
    path: ['tls'],
    message: 'the generator speaks TLS itself in `closed` and `idle` work only',
  })
  .refine(({ protocol, work }) => work.kind !== 'bulk' || protocol === 'tcp', {
    path: ['work', 'kind'],
    message: '`bulk` is a stream without requests: write `protocol: tcp`',
  })
  .transform((value) => ({
    ...value,
    rounds: { ...value.rounds, requests: value.rounds.requests, sampleMemoryEvery: value.rounds.sampleMemoryEvery },
    goals: value.goals.map((each): Goal => ({ ...each, against: each.against, ratio: each.ratio, limit: each.limit })),
  }));
