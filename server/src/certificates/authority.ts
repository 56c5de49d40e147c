/** The local authority: made once in the data folder, kept there, and what it signs. Devices that install its certificate trust this server. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MachineNames } from '../lib/machine.ts';
import { errorCodeOf, StartError } from '../lib/start-error.ts';
import { constraintsFor, coveredBy, encodeConstraints, NAME_CONSTRAINTS_OID, NameConstraints } from './name-constraints.ts';
import { type CertificatePair, parsePair, readPrivateFile, writePrivateFile } from './pem-file.ts';
import { ALGORITHM, loadX509, pemOfKey, serialNumber } from './x509.ts';

/** What devices install and people compare. */
export interface AuthorityCertificate {
  readonly name: string;
  readonly pem: string;
  readonly der: Buffer;
  /** SHA-256 of the certificate, as systems show it: `AB:CD:…`. */
  readonly fingerprint: string;
  readonly expiresAt: Date;
}

export interface AuthorityDeps {
  /** Of the data folder, for the authority alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Issued {
  readonly pair: CertificatePair;
  /** Names that the authority may not vouch for: they came after it was made. */
  readonly left: MachineNames;
}

const DAY_MS = 86_400_000;

/** Ten years: it is installed by hand on every device. */
const AUTHORITY_DAYS = 3_650;

/** Apple takes no server certificate of a longer life from an authority that others vouch for; the same bound serves here. */
export const LEAF_DAYS = 397;

/** Clocks of phones are a little off. */
const BACKDATE_MS = 3_600_000;

/** X.520 lets a common name have so many characters. */
const MAX_COMMON_NAME = 64;

/** The line of the file that says what the authority's own certificate permits, so that nobody needs to take it apart. */
const PERMITS = /^# permits: (\{.*\})$/m;

export class LocalAuthority {
  readonly certificate: AuthorityCertificate;
  readonly #pair: CertificatePair;
  readonly #constraints: NameConstraints;
  readonly #clock: Clock;

  private constructor(pair: CertificatePair, constraints: NameConstraints, clock: Clock) {
    this.#pair = pair;
    this.#constraints = constraints;
    this.#clock = clock;
    const { subject, raw, fingerprint256, validToDate } = new X509Certificate(pair.cert);
    this.certificate = { name: /^CN=(.*)$/m.exec(subject)?.[1] ?? '', pem: pair.cert, der: raw, fingerprint: fingerprint256, expiresAt: validToDate };
  }

  /** The one in the folder, or a new one where there is none. Throws StartError rather than replace one that cannot be used: devices may trust it. */
  static async open(deps: AuthorityDeps, names: MachineNames): Promise<LocalAuthority> {
    const path = join(deps.folder, 'authority.pem');
    const text = await readPrivateFile(path).catch((error: unknown) => {
      throw unusable(path, errorCodeOf(error) ?? 'unknown', error);
    });
    if (text === undefined) return LocalAuthority.#make(path, deps, names);
    const authority = LocalAuthority.#parse(path, text, deps.clock);
    if (authority.certificate.expiresAt.getTime() > deps.clock.now()) {
      deps.log.info({ path, fingerprint: authority.certificate.fingerprint }, 'the local authority stands for HTTPS');
      return authority;
    }
    deps.log.warn({ path }, 'the local authority has run out; a new one takes its place, which devices have to install');
    return LocalAuthority.#make(path, deps, names);
  }

  /** Signs a certificate with a fresh key. */
  async issue(names: MachineNames, commonName: string): Promise<Issued> {
    const x509 = await loadX509();
    const { covered, left } = coveredBy(this.#constraints, names);
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const issuer = new x509.X509Certificate(this.#pair.cert);
    const signingKey = await crypto.subtle.importKey('pkcs8', derOfKey(this.#pair.key), ALGORITHM, false, ['sign']);
    const now = this.#clock.now();
    const notBefore = now - BACKDATE_MS;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ O: ['Millrace'] }, { CN: [commonName.slice(0, MAX_COMMON_NAME)] }],
      issuer: issuer.subjectName,
      notBefore: new Date(notBefore),
      notAfter: new Date(Math.min(notBefore + LEAF_DAYS * DAY_MS, this.certificate.expiresAt.getTime())),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...covered.dns.map((value) => ({ type: 'dns' as const, value })),
          ...covered.ips.map((value) => ({ type: 'ip' as const, value })),
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { pair: { cert: `${certificate.toString('pem')}\n`, key: await pemOfKey(keys.privateKey) }, left };
  }

  static async #make(path: string, { clock, log }: AuthorityDeps, names: MachineNames): Promise<LocalAuthority> {
    const x509 = await loadX509();
    const constraints = constraintsFor(names);
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const notBefore = clock.now() - BACKDATE_MS;
    const host = names.dns.find((name) => name !== 'localhost' && !name.endsWith('.local')) ?? 'this machine';
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      // The year tells two apart in a phone's list.
      name: [{ O: ['Millrace'] }, { CN: [`Millrace on ${host} (${new Date(notBefore).getUTCFullYear()})`.slice(0, MAX_COMMON_NAME)] }],
      notBefore: new Date(notBefore),
      notAfter: new Date(notBefore + AUTHORITY_DAYS * DAY_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.Extension(NAME_CONSTRAINTS_OID, true, new Uint8Array(encodeConstraints(constraints))),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const pair = { cert: `${certificate.toString('pem')}\n`, key: await pemOfKey(keys.privateKey) };
    await writePrivateFile(path, `# permits: ${JSON.stringify(constraints)}\n${pair.cert}${pair.key}`);
    const authority = new LocalAuthority(pair, constraints, clock);
    log.info({ path, fingerprint: authority.certificate.fingerprint }, 'a local authority was made for HTTPS');
    return authority;
  }

  static #parse(path: string, text: string, clock: Clock): LocalAuthority {
    const pair = parsePair(text);
    if (!pair) throw unusable(path, 'it does not hold a certificate and a key');
    try {
      const certificate = new X509Certificate(pair.cert);
      if (!certificate.ca) throw new RangeError('its certificate is not one of an authority');
      if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) throw new RangeError('its key belongs to another certificate');
      return new LocalAuthority(pair, NameConstraints.parse(JSON.parse(PERMITS.exec(text)?.[1] ?? '')), clock);
    } catch (error) {
      throw unusable(path, error instanceof RangeError ? error.message : 'it is damaged', error);
    }
  }
}

function unusable(path: string, reason: string, cause?: unknown): StartError {
  return new StartError(
    `The local certificate authority in ${path} cannot be used: ${reason}. Restore the file from a back-up, or remove it: a new authority is made then, and every device that installed the old one has to install the new one.`,
    cause,
  );
}

function derOfKey(pem: string): Buffer<ArrayBuffer> {
  return Buffer.from(createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }));
}
