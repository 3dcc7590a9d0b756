/** DER certificates as one PEM text (RFC 7468), in their order. */
export function certificatesPem(certificates: readonly Uint8Array[]): string {
  return certificates.map(certificatePem).join('');
}

function certificatePem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
