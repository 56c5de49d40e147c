/** What certificates that this server makes itself have in common. */

/** Of every key that this server makes. */
export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** The library, once something is to be made: most starts make nothing. */
export async function loadX509() {
  // The library expects it and leaves it to its user.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** RFC 5280 §4.1.2.2: positive, unguessable. */
export function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

/** PKCS #8. */
export async function pemOfKey(key: CryptoKey): Promise<string> {
  const body = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${body.replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
