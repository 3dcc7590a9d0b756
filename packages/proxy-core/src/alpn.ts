/** What two Tulle proxies agree on inside TLS: who speaks one of these is a proxy, not the application behind it. */
export const tulleAlpn = { http: 'tulle-http/1.1', tcp: 'tulle-tcp' } as const;

/** Whether requests and answers are exchanged between proxies under that ALPN protocol, in whichever version of HTTP. */
export function isTulleHttp(alpn: string): boolean {
  return alpn === tulleAlpn.http;
}
