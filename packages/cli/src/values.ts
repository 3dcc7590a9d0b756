import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Readers of option values: text in, value out, and a sentence that says how it is written when it is not. */

export interface Address {
  host: string;
  port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; `:8080` is every address of this machine. */
export function address(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = match === null ? -1 : Number(match[3]);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('Write ADDR:PORT, for example 127.0.0.1:8080 or [::1]:8080.');
  }
  if (match[1] !== undefined && isIP(match[1]) !== 6) throw new InvalidArgumentError(`${match[1]} is no IPv6 address.`);
  return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : match[2]), port };
}

/** The same, kept as text, for packages that read it themselves: `[::1]:8080`, `0.0.0.0:8080`. */
export function addressText(text: string): string {
  const { host, port } = address(text);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `ADDR:PORT[,ADDR:PORT...]`. */
export function addresses(text: string): Address[] {
  const list = text.split(',').map((part) => address(part.trim()));
  if (list.some(({ port }) => port === 0)) throw new InvalidArgumentError('Port 0 is none that can be dialled.');
  return list;
}

/** `1s`, `250ms`, `2m`; a plain number is seconds. Returns seconds. */
export function seconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write a time such as 5s, 250ms or 2m.');
  return Number(match[1]) * { ms: 0.001, s: 1, m: 60 }[(match[2] ?? 's') as 'ms' | 's' | 'm'];
}

/** A whole number from `min` on. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Write a whole number from ${min} on.`
          : `Write a whole number from ${min} to ${max}.`,
      );
    }
    return value;
  };
}

/** Requests a second, or `max`. */
export function rate(text: string): number | 'max' {
  if (text === 'max') return 'max';
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('Write requests a second, such as 1000, or max.');
  }
  return value;
}

const units = { '': 1, k: 1000, K: 1024, M: 1024 * 1024 } as const;

/** `1024`, `10M`, or a range `0-10M`. K and M are 1024 and 1024 squared. */
export function byteRange(text: string): { min: number; max: number } {
  const parts = text.split('-');
  const values = parts.map((part) => {
    const match = /^(\d+)(k|K|M)?$/.exec(part);
    return match === null ? Number.NaN : Number(match[1]) * units[(match[2] ?? '') as keyof typeof units];
  });
  const [min, max = min] = values;
  if (parts.length > 2 || Number.isNaN(min) || Number.isNaN(max) || min > max || max > 1024 * 1024 * 1024) {
    throw new InvalidArgumentError('Write bytes such as 1024, 64K or 10M, or a range such as 0-10M; at most 1024M.');
  }
  return { min, max };
}

/** For options that can be given several times: `read` is applied to each, the values are collected. */
export function collect<T>(read: (text: string) => T): (text: string, previous: T[] | undefined) => T[] {
  return (text, previous) => [...(previous ?? []), read(text)];
}

/** `name: value`. */
export function header(text: string): [name: string, value: string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('Write "name: value".');
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

export function text(value: string): string {
  return value;
}
