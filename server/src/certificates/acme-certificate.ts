/** A certificate for the public name from an ACME authority (RFC 8555) by HTTP-01: had once, kept, renewed in time, asked for ever less often while it fails. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type CertificatePair, parsePair, readPrivateFile, writePrivateFile } from './pem-file.ts';

export interface AcmeSettings {
  readonly domain: string;
  readonly directoryUrl: string;
  /** Where the authority may write to. */
  readonly email: string | undefined;
}

export interface AcmeDeps extends AcmeSettings {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Half an hour at first: Let's Encrypt lets a name fail five times an hour. */
const FIRST_RETRY_MS = 1_800_000;
const MAX_RETRY_MS = 86_400_000;

/** A certificate is renewed when a third of its life is left. */
const RENEW_AT = 1 / 3;

/** For one request to the authority, which must not hang. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Directories, orders and chains are a few kilobytes. */
const MAX_ANSWER_BYTES = 1_048_576;

/** Between two looks at whether the authority is done, at first and at most. */
const POLL_MIN_MS = 1_000;
const POLL_MAX_MS = 15_000;

export class AcmeCertificate {
  readonly #deps: AcmeDeps;
  readonly #path: string;
  readonly #accountPath: string;
  /** What the authority asks for over plain HTTP, by token. */
  readonly #challenges = new Map<string, string>();
  #pair: CertificatePair | undefined;
  #renewAt = 0;
  #failures = 0;
  #retryAt = 0;

  constructor(deps: AcmeDeps) {
    this.#deps = deps;
    // One account and certificate for each authority: what a test authority gave must not pass for the real one's.
    const authority = createHash('sha256').update(deps.directoryUrl).digest('hex').slice(0, 12);
    this.#path = join(deps.folder, `acme-${authority}.pem`);
    this.#accountPath = join(deps.folder, `acme-${authority}-account.pem`);
  }

  /** Undefined until there is one. */
  get pair(): CertificatePair | undefined {
    return this.#pair;
  }

  /** The answer to `/.well-known/acme-challenge/{token}`. */
  challenge(token: string): string | undefined {
    return this.#challenges.get(token);
  }

  /** Takes what is kept, as long as it is for this name and still valid. */
  async load(): Promise<void> {
    const pair = parsePair((await readPrivateFile(this.#path)) ?? '');
    if (!pair) return;
    try {
      const certificate = new X509Certificate(pair.cert);
      const isUsable = certificate.checkHost(this.#deps.domain) !== undefined && certificate.checkPrivateKey(createPrivateKey(pair.key));
      if (isUsable && certificate.validToDate.getTime() > this.#deps.clock.now()) this.#use(pair);
    } catch (error) {
      this.#deps.log.warn({ err: error, path: this.#path }, 'the kept certificate is damaged; another one is asked for');
    }
  }

  /** Asks when it is time. True: there is a new one. Never rejects: a failure is told in the log and tried again later. */
  async refresh(): Promise<boolean> {
    const { clock, log, domain, directoryUrl } = this.#deps;
    const now = clock.now();
    if (now < this.#renewAt || now < this.#retryAt) return false;
    try {
      const pair = await this.#order();
      await writePrivateFile(this.#path, pair.cert + pair.key);
      this.#use(pair);
      this.#failures = 0;
      log.info({ domain, renewAt: new Date(this.#renewAt) }, 'the public authority issued a certificate');
      return true;
    } catch (error) {
      const waitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
      this.#retryAt = clock.now() + waitMs;
      const reason = error instanceof Error ? error.message : String(error);
      const serving = this.#pair ? 'the certificate of before goes on' : 'the local certificate serves meanwhile';
      log.warn({ domain, directoryUrl, reason, nextTry: new Date(this.#retryAt) }, `the public authority gave no certificate; ${serving}`);
      return false;
    } finally {
      this.#challenges.clear();
    }
  }

  async #order(): Promise<CertificatePair> {
    const { domain, directoryUrl, email } = this.#deps;
    const { default: acme } = await import('acme-client');
    acme.axios.defaults.timeout = REQUEST_TIMEOUT_MS;
    acme.axios.defaults.maxContentLength = MAX_ANSWER_BYTES;
    const client = new acme.Client({ directoryUrl, accountKey: await this.#accountKey(), backoffMin: POLL_MIN_MS, backoffMax: POLL_MAX_MS });
    const [key, csr] = await acme.crypto.createCsr({ commonName: domain, altNames: [domain] }, await acme.crypto.createPrivateEcdsaKey());
    const cert = await client.auto({
      csr,
      ...(email === undefined ? {} : { email }),
      termsOfServiceAgreed: true,
      // Many routers do not let a machine reach itself by its public name; the authority looks by itself.
      skipChallengeVerification: true,
      challengePriority: ['http-01'],
      challengeCreateFn: async (_authorization, { token }, answer) => void this.#challenges.set(token, answer),
      challengeRemoveFn: async (_authorization, { token }) => void this.#challenges.delete(token),
    });
    return { cert, key: key.toString() };
  }

  async #accountKey(): Promise<string> {
    const kept = await readPrivateFile(this.#accountPath);
    if (kept !== undefined) return kept;
    const { default: acme } = await import('acme-client');
    const key = (await acme.crypto.createPrivateEcdsaKey()).toString();
    await writePrivateFile(this.#accountPath, key);
    return key;
  }

  #use(pair: CertificatePair): void {
    const { validFromDate, validToDate } = new X509Certificate(pair.cert);
    const endsAt = validToDate.getTime();
    this.#pair = pair;
    this.#renewAt = endsAt - (endsAt - validFromDate.getTime()) * RENEW_AT;
  }
}
