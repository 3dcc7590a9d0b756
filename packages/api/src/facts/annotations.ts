import { z } from 'zod';
import type { Pod } from '../kinds/pod.js';
import { show } from '../schema/explain.js';

/** JSON list of `{port, listen}`: where the sidecar of a pod without interception listens for the pod's ports. */
export const INBOUND_LISTENERS_ANNOTATION = 'tulle.dev/inbound-listeners';
/** Ports of the pod whose connections are not redirected to the sidecar, separated by commas. */
export const EXCLUDE_INBOUND_PORTS_ANNOTATION = 'tulle.dev/exclude-inbound-ports';
/** Ports of others, connections to which are not redirected, separated by commas. */
export const EXCLUDE_OUTBOUND_PORTS_ANNOTATION = 'tulle.dev/exclude-outbound-ports';
/** Networks, connections to which are not redirected, separated by commas: `10.0.0.0/8,192.168.1.0/24`. */
export const EXCLUDE_OUTBOUND_CIDRS_ANNOTATION = 'tulle.dev/exclude-outbound-cidrs';

/** The sidecar listens at `address:listenPort` for the pod's `port`. */
export interface InboundListener {
  port: number;
  address: string;
  listenPort: number;
}

export interface PodAnnotations {
  inboundListeners: InboundListener[];
  excludeInboundPorts: number[];
  excludeOutboundPorts: number[];
  excludeOutboundCidrs: string[];
}

/** An annotation whose text does not mean anything. */
export interface AnnotationProblem {
  annotation: string;
  message: string;
  remedy: string;
}

const listeners = z.array(
  z.strictObject({ port: z.int().min(1).max(65535), listen: z.string().regex(/^[0-9.]+:[0-9]{1,5}$/) }),
);

/** What a pod's annotations of Tulle say. Values that are not understood are problems, and count as absent. */
export function readPodAnnotations(pod: Pod): { annotations: PodAnnotations; problems: AnnotationProblem[] } {
  const problems: AnnotationProblem[] = [];
  const read = <T>(annotation: string, parse: (text: string) => T | undefined, absent: T, remedy: string): T => {
    const text = pod.metadata.annotations[annotation];
    if (text === undefined) return absent;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push({ annotation, message: `${show(text)} is not understood`, remedy });
    return absent;
  };
  const portsRemedy = 'Write port numbers separated by commas: "5432,9090".';
  const annotations: PodAnnotations = {
    inboundListeners: read(
      INBOUND_LISTENERS_ANNOTATION,
      parseListeners,
      [],
      'Write JSON such as [{"port":8080,"listen":"127.0.0.1:21001"}].',
    ),
    excludeInboundPorts: read(EXCLUDE_INBOUND_PORTS_ANNOTATION, parsePorts, [], portsRemedy),
    excludeOutboundPorts: read(EXCLUDE_OUTBOUND_PORTS_ANNOTATION, parsePorts, [], portsRemedy),
    excludeOutboundCidrs: read(
      EXCLUDE_OUTBOUND_CIDRS_ANNOTATION,
      parseCidrs,
      [],
      'Write IPv4 networks separated by commas: "10.0.0.0/8,192.168.1.0/24".',
    ),
  };
  return { annotations, problems };
}

function parseListeners(text: string): InboundListener[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = listeners.safeParse(json);
  if (!parsed.success) return undefined;
  const result: InboundListener[] = [];
  for (const { port, listen } of parsed.data) {
    const colon = listen.lastIndexOf(':');
    const address = listen.slice(0, colon);
    const listenPort = Number(listen.slice(colon + 1));
    if (!z.ipv4().safeParse(address).success || listenPort < 1 || listenPort > 65535) return undefined;
    result.push({ port, address, listenPort });
  }
  return result;
}

function items(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function parsePorts(text: string): number[] | undefined {
  const ports = items(text).map((item) => (/^[0-9]{1,5}$/.test(item) ? Number(item) : 0));
  return ports.every((port) => port >= 1 && port <= 65535) ? ports : undefined;
}

function parseCidrs(text: string): string[] | undefined {
  const cidrs = items(text);
  return cidrs.every((cidr) => z.cidrv4().safeParse(cidr).success) ? cidrs : undefined;
}
