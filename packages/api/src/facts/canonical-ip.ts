/**
 * The canonical text of a valid IP address: IPv6 as RFC 5952 section 4 has it, in lower case, without leading zeros and with the first longest run of zeros left
 * out; an IPv4-mapped one (::ffff:0:0/96, RFC 4291 section 2.5.5.2) as IPv4.
 */
export function canonicalIp(ip: string): string {
  if (!ip.includes(':')) return ip;
  const groups = groupsOf(ip);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.');
  }
  const text = groups.map((group) => group.toString(16)).join(':');
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest === '' ? text : text.replace(new RegExp(`(^|:)\\b${longest}\\b(:|$)`), '::');
}

/** Eight numbers of 16 bits. */
function groupsOf(ip: string): number[] {
  const quads = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head, tail] = quads.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = tail === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}
