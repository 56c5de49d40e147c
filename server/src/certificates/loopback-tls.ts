/** A key and a certificate for connections that never leave this machine and whose other end verifies nothing. Made when first asked for, kept nowhere. */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { ALGORITHM, loadX509, pemOfKey, serialNumber } from './x509.ts';

/** Nobody looks at it. */
const LIFE_MS = 3_650 * 86_400_000;

export class LoopbackTls {
  readonly #clock: Clock;
  #context: Promise<SecureContext> | undefined;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  context(): Promise<SecureContext> {
    this.#context ??= this.#make();
    return this.#context;
  }

  async #make(): Promise<SecureContext> {
    const x509 = await loadX509();
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const now = this.#clock.now();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: ['localhost'] }],
      notBefore: new Date(now),
      notAfter: new Date(now + LIFE_MS),
      keys,
      signingAlgorithm: ALGORITHM,
    });
    return createSecureContext({ cert: certificate.toString('pem'), key: await pemOfKey(keys.privateKey) });
  }
}
