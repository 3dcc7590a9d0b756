import { z } from 'zod';
import { canonicalIp } from '../facts/canonical-ip.js';
import { show } from './explain.js';
import { says } from './finding.js';

/** An object in which an unknown key is an error. */
export function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape);
}

/** A field of Kubernetes that does not concern the mesh: anything may stand there, and nobody reads it. */
export const ignored: z.ZodType<unknown> = z.unknown().optional();

/** Makes a record of ignored fields, to be spread into the shape of a strict object. */
export function ignoring<K extends string>(...names: K[]): Record<K, z.ZodType<unknown>> {
  return Object.fromEntries(names.map((name) => [name, ignored])) as Record<K, z.ZodType<unknown>>;
}

/** A field that exists, but that Tulle cannot honour: to ignore it would change what its author asked for. */
export function unsupported(what: string, remedy: string): z.ZodType<undefined> {
  return z.undefined({ error: () => says(`${what} is not supported`, remedy) }).optional();
}

/** Text of a pattern, explained in words when it does not match. */
export function text(pattern: RegExp, what: string, remedy: string, maxLength = 253): z.ZodType<string> {
  return z.string().refine((value) => value.length <= maxLength && pattern.test(value), {
    error: (issue) => says(`${show(issue.input)} is not ${what}`, remedy),
  });
}

const LABEL = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';

/** RFC 1123 label: what a namespace or a Service may be called. */
export const dnsLabel: z.ZodType<string> = text(
  new RegExp(`^${LABEL}$`),
  'a valid name',
  'Use at most 63 lower-case letters, digits and dashes, and begin and end with a letter or digit.',
  63,
);

/** RFC 1123 subdomain: what most resources may be called. */
export const dnsName: z.ZodType<string> = text(
  new RegExp(`^${LABEL}(\\.${LABEL})*$`),
  'a valid name',
  'Use at most 253 lower-case letters, digits, dashes and dots; each part begins and ends with a letter or digit.',
);

export const portNumber: z.ZodType<number> = z.int().min(1).max(65535);

/** RFC 6335 service name, as Kubernetes wants it for the ports of a container. */
export const portName: z.ZodType<string> = text(
  /^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/,
  'a valid port name',
  'Use at most 15 lower-case letters, digits and single dashes, with at least one letter.',
  15,
);

export const nonEmpty: z.ZodType<string> = z.string().min(1);

export const stringMap: z.ZodType<Record<string, string>> = z.record(z.string(), z.string());

/** An address in its one canonical form (RFC 5952), so that equal addresses are equal texts. One of IPv4 that is written as IPv6 is IPv4, as the kernel tells it. */
export const ipAddress: z.ZodType<string> = z
  .union([z.ipv4(), z.ipv6()], {
    error: (issue) =>
      says(`${show(issue.input)} is not an IP address`, 'Write an address such as 10.96.0.10 in quotes.'),
  })
  .transform(canonicalIp);

/** A field name or value of HTTP: RFC 9110 section 5.1, a token. */
export const headerName: z.ZodType<string> = text(
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
  'a header name',
  'Use letters, digits and dashes only.',
  256,
);

/** RFC 9110 section 5.5: visible characters, spaces and tabs, none of them at an end. Of those beyond ASCII the ones that are one byte of a field (obs-text). */
export const headerValue: z.ZodType<string> = text(
  /^([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/,
  'a header value',
  'Remove control characters, spaces at the ends, and characters beyond Latin-1 (U+00FF).',
  4096,
);
