import type { DeclaredPod } from '../cluster/declared.js';
import { keyOf } from '../cluster/declared.js';

/**
 * Who gets which loopback address and port where pods have no network of their own. Two shapes:
 *
 * - `range`: the whole of 127.0.0.0/8 is local (Linux), so each pod has an address of its own, 127.(64+n).x.y for testbed n, and
 *   every port keeps its number;
 * - `single`: only 127.0.0.1 is, so pods share it.
 *
 * Where a declared port is taken (by another pod of the same address, or by a program that listens on every address of the
 * machine) a free one stands for it, if the program is one that is told its port by PORT.
 */
export interface PortAsk {
  ip: string;
  /** The number wanted, 0 for any. */
  port: number;
}

/** First second-octet of testbeds, and how many there may be beside each other. */
export const firstNetwork = 64;
export const networks = 64;

/** Ports of a sidecar in its pod. `inbound` is the first of those that stand before the container ports. */
export const sidecarPorts = {
  admin: 15_000,
  outboundProxy: 15_002,
  metrics: 15_020,
  health: 15_021,
  inbound: 21_001,
} as const;

export const controlPlanePorts = { ads: 15_012, certificates: 15_013, admin: 15_014 } as const;

/** The declared TCP ports of a pod, each once. */
export function tcpPorts(pod: DeclaredPod): number[] {
  const ports = pod.containers.flatMap((container) => container.ports.filter((port) => port.protocol === 'TCP'));
  return [...new Set(ports.map((port) => port.containerPort))];
}

/** True when the container that declares the port reads it from PORT, so that it can be told another. */
export function isToldItsPort(pod: DeclaredPod, port: number): boolean {
  const container = pod.containers.find(({ ports }) => ports.some((candidate) => candidate.containerPort === port));
  return container?.env.some(({ name, value }) => name === 'PORT' && value === String(port)) ?? false;
}

/** The annotation by which the control plane knows where the sidecar listens for which container port. */
export function inboundListeners(listeners: ReadonlyMap<number, string>): Record<string, string> {
  const list = [...listeners].map(([port, listen]) => ({ port, listen }));
  return { 'tulle.dev/inbound-listeners': JSON.stringify(list) };
}

/** For messages about ports that are taken. */
export function takenMessage(pod: DeclaredPod, ask: PortAsk, code: string): string {
  const where = `pod ${keyOf(pod)}: port ${ask.port} on ${ask.ip}`;
  if (code === 'EACCES') {
    return `${where} is below 1024 and needs root; declare a containerPort from 1024 on, or run as root`;
  }
  return `${where} is taken (by a program that listens on all addresses of this machine?); end that program, declare another containerPort, or let the program read its port from PORT`;
}
