/** An IP endpoint. `host` is an IPv4 or IPv6 literal without brackets or zone, `port` is 0 to 65535. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:80` or `[fd00::1]:80`: the form that logs, keys and Envoy's resource names use. */
export function formatAddress(address: SocketAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Reads `10.0.0.1:80`, `[::1]:80` or `localhost:80` (which means 127.0.0.1).
 * Returns `undefined` when the text is not an IP address with a port of 0 to 65535.
 */
export function parseAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? (match[2] === 'localhost' ? '127.0.0.1' : match[2]);
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] === undefined && !isIpv4(host)) return undefined;
  return { host, port };
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}
