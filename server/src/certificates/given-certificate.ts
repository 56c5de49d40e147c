/** The certificate that the operator gives in two files: read again when they change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Log } from '../lib/log.ts';
import { errorCodeOf, StartError } from '../lib/start-error.ts';
import type { CertificatePair } from './pem-file.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export class GivenCertificate {
  readonly #files: CertificateFiles;
  readonly #log: Log;
  #pair: CertificatePair;
  /** The last text that could not be used, so that it is told once. */
  #refused: string | undefined;

  private constructor(files: CertificateFiles, log: Log, pair: CertificatePair) {
    this.#files = files;
    this.#log = log;
    this.#pair = pair;
  }

  /** Throws StartError. */
  static async open(files: CertificateFiles, log: Log): Promise<GivenCertificate> {
    const advice = `Check TLS_CERT_FILE (${files.certFile}) and TLS_KEY_FILE (${files.keyFile}).`;
    let pair: CertificatePair;
    try {
      pair = await readFiles(files);
    } catch (error) {
      throw new StartError(`The certificate or its key cannot be read (${errorCodeOf(error) ?? 'unknown'}). ${advice}`, error);
    }
    const problem = problemWith(pair);
    if (problem !== undefined) throw new StartError(`The certificate and its key cannot be used: ${problem}. ${advice}`);
    return new GivenCertificate(files, log, pair);
  }

  get pair(): CertificatePair {
    return this.#pair;
  }

  /** True: the files hold another one that can be used. While they are half written the old one goes on. */
  async refresh(): Promise<boolean> {
    let text: string;
    let problem: string | undefined;
    try {
      const pair = await readFiles(this.#files);
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return false;
      problem = problemWith(pair);
      if (problem === undefined) {
        this.#pair = pair;
        this.#refused = undefined;
        this.#log.info({ expiresAt: new X509Certificate(pair.cert).validToDate }, 'the certificate files changed and were read again');
        return true;
      }
      text = pair.cert;
    } catch (error) {
      problem = `they cannot be read (${errorCodeOf(error) ?? 'unknown'})`;
      text = problem;
    }
    if (text !== this.#refused) this.#log.warn({ problem }, 'the certificate files changed and cannot be used; the certificate of before goes on');
    this.#refused = text;
    return false;
  }
}

async function readFiles({ certFile, keyFile }: CertificateFiles): Promise<CertificatePair> {
  return { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
}

function problemWith({ cert, key }: CertificatePair): string | undefined {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? undefined : 'the key belongs to another certificate';
  } catch {
    return 'they are not a certificate and a key in PEM form';
  }
}
