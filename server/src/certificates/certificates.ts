/** Which certificate this server shows: given files, else a public authority's, else the local authority's; swapped while it serves. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Machine } from '../lib/machine.ts';
import { AcmeCertificate, type AcmeSettings } from './acme-certificate.ts';
import type { AuthorityCertificate } from './authority.ts';
import { type CertificateFiles, GivenCertificate } from './given-certificate.ts';
import { LocalCertificate } from './local-certificate.ts';
import type { CertificatePair } from './pem-file.ts';

export interface CertificatesDeps {
  /** Where keys are kept; made for its owner alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The setting HOST. */
  readonly host: string;
  machine(): Machine;
  /** Win over everything else. */
  readonly files: CertificateFiles | undefined;
  readonly acme: AcmeSettings | undefined;
}

/** How often files, names and ends are looked at: a changed address works soon, and looking costs next to nothing. */
const LOOK_EVERY_MS = 15_000;

export class Certificates implements AsyncDisposable {
  readonly #deps: CertificatesDeps;
  readonly #listeners = new Set<(pair: CertificatePair) => void>();
  #given: GivenCertificate | undefined;
  #local: LocalCertificate | undefined;
  #acme: AcmeCertificate | undefined;
  #pair: CertificatePair | undefined;
  #certificate: X509Certificate | undefined;
  #context: SecureContext | undefined;
  #isPublic = false;
  #looking: Promise<void> | undefined;
  /** Apart from the other: an authority may take minutes, while the machine's address changes. */
  #asking: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(deps: CertificatesDeps) {
    this.#deps = deps;
  }

  /** Reads or makes what is served first. Throws StartError. */
  async start(): Promise<void> {
    const { files, acme, folder, clock, log } = this.#deps;
    if (files) {
      this.#given = await GivenCertificate.open(files, log);
    } else {
      this.#local = await LocalCertificate.open(this.#deps);
      if (acme) {
        this.#acme = new AcmeCertificate({ ...acme, folder, clock, log });
        await this.#acme.load();
      }
    }
    this.#choose();
  }

  /** From now on it is kept fresh. Called once plain HTTP is served, where a public authority looks for its proof. */
  watch(): void {
    this.#timer ??= this.#deps.clock.every(LOOK_EVERY_MS, () => void this.look());
    void this.look();
  }

  /** Looks whether another certificate is due, now. Resolves when that is settled. */
  async look(): Promise<void> {
    this.#looking ??= this.#refresh(this.#given, this.#local).finally(() => {
      this.#looking = undefined;
    });
    this.#asking ??= this.#refresh(this.#acme).finally(() => {
      this.#asking = undefined;
    });
    await Promise.all([this.#looking, this.#asking]);
  }

  /** Certificate chain and key in PEM. */
  current(): CertificatePair {
    if (!this.#pair) throw new Error('the certificates were not started');
    return this.#pair;
  }

  /** The same as Node takes it. */
  secureContext(): SecureContext {
    this.#context ??= createSecureContext(this.current());
    return this.#context;
  }

  /** Called with every later certificate. The returned function ends that. */
  onChange(listener: (pair: CertificatePair) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The local authority's own certificate, for devices to install; undefined while another authority's is shown. */
  get caCertificate(): AuthorityCertificate | undefined {
    return this.#local && this.#pair === this.#local.pair ? this.#local.authority : undefined;
  }

  /** True when browsers trust it as they are. */
  get isPublic(): boolean {
    return this.#isPublic;
  }

  get expiresAt(): Date {
    return this.#certificate?.validToDate ?? new Date(0);
  }

  /** What a public authority asks for over plain HTTP. */
  acmeChallenge(token: string): string | undefined {
    return this.#acme?.challenge(token);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#listeners.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #refresh(...sources: readonly ({ refresh(): Promise<boolean> } | undefined)[]): Promise<void> {
    try {
      for (const source of sources) await source?.refresh();
      if (this.#choose()) for (const listener of this.#listeners) listener(this.current());
    } catch (error) {
      this.#deps.log.error({ err: error }, 'the certificate could not be renewed; the one of before goes on');
    }
  }

  /** True when it is another one than before. */
  #choose(): boolean {
    const pair = this.#given?.pair ?? this.#acme?.pair ?? this.#local?.pair;
    if (!pair || pair === this.#pair) return false;
    this.#pair = pair;
    this.#context = undefined;
    this.#certificate = new X509Certificate(pair.cert);
    this.#isPublic = pair !== this.#local?.pair && isTrustedEverywhere(pair.cert);
    return true;
  }
}

/** Whether the chain ends at an authority that systems know by themselves. */
function isTrustedEverywhere(chain: string): boolean {
  const last = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)?.at(-1);
  if (last === undefined) return false;
  const top = new X509Certificate(last);
  return rootCertificates.some((pem) => {
    const root = new X509Certificate(pem);
    return top.fingerprint256 === root.fingerprint256 || (top.checkIssued(root) && top.verify(root.publicKey));
  });
}
