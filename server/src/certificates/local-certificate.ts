/** The certificate that the local authority gives this server: kept, and issued anew when the machine's names change or its end is near. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Machine, type MachineNames, namesOf } from '../lib/machine.ts';
import { errorCodeOf } from '../lib/start-error.ts';
import { type AuthorityCertificate, type AuthorityDeps, LocalAuthority } from './authority.ts';
import { type CertificatePair, parsePair, readPrivateFile, writePrivateFile } from './pem-file.ts';

export interface LocalCertificateDeps extends AuthorityDeps {
  /** The setting HOST. */
  readonly host: string;
  machine(): Machine;
}

const DAY_MS = 86_400_000;

/** A server that is switched on once a month still renews in time. */
const RENEW_BEFORE_MS = 45 * DAY_MS;

/** The line of the file that says what the certificate was asked for. */
const NAMES = /^# names: (.*)$/m;

export class LocalCertificate {
  readonly authority: AuthorityCertificate;
  readonly #deps: LocalCertificateDeps;
  readonly #authority: LocalAuthority;
  #pair: CertificatePair;
  #expiresAt = 0;
  /** What the certificate was asked for, whether the authority could vouch for it or not. */
  #names: ReadonlySet<string>;

  private constructor(deps: LocalCertificateDeps, authority: LocalAuthority, { pair, names }: Kept) {
    this.#deps = deps;
    this.#authority = authority;
    this.authority = authority.certificate;
    this.#pair = pair;
    this.#names = names;
    this.#expiresAt = new X509Certificate(pair.cert).validToDate.getTime();
  }

  /** Throws StartError when the authority cannot be used. A server certificate that cannot is simply issued anew. */
  static async open(deps: LocalCertificateDeps): Promise<LocalCertificate> {
    const names = namesOf(deps.machine(), deps.host);
    const authority = await LocalAuthority.open(deps, names);
    const kept = await readKept(pathOf(deps), authority.certificate);
    const certificate = new LocalCertificate(deps, authority, kept ?? (await issue(deps, authority, names)));
    await certificate.refresh();
    return certificate;
  }

  get pair(): CertificatePair {
    return this.#pair;
  }

  /** True: there is a new one. */
  async refresh(): Promise<boolean> {
    const names = namesOf(this.#deps.machine(), this.#deps.host);
    const isKnown = [...names.dns, ...names.ips].every((name) => this.#names.has(name));
    const now = this.#deps.clock.now();
    const endsSoon = this.#expiresAt - now < RENEW_BEFORE_MS && this.#expiresAt < this.authority.expiresAt.getTime();
    if (isKnown && !endsSoon) return false;
    const issued = await issue(this.#deps, this.#authority, names);
    this.#pair = issued.pair;
    this.#names = issued.names;
    this.#expiresAt = new X509Certificate(issued.pair.cert).validToDate.getTime();
    return true;
  }
}

interface Kept {
  readonly pair: CertificatePair;
  readonly names: ReadonlySet<string>;
}

function pathOf({ folder }: LocalCertificateDeps): string {
  return join(folder, 'server.pem');
}

async function issue(deps: LocalCertificateDeps, authority: LocalAuthority, names: MachineNames): Promise<Kept> {
  const { pair, left } = await authority.issue(names, `Millrace on ${deps.machine().hostName}`);
  const all = [...names.dns, ...names.ips];
  await writePrivateFile(pathOf(deps), `# names: ${all.join(' ')}\n${pair.cert}${pair.key}`);
  deps.log.info({ names: all.length }, 'the local authority issued a certificate for this machine');
  const leftOut = [...left.dns, ...left.ips];
  if (leftOut.length > 0) deps.log.warn({ leftOut }, 'the local authority was made before these names and may not vouch for them; browsers warn when they are used');
  return { pair, names: new Set(all) };
}

/** Undefined: missing, damaged, or of another authority. */
async function readKept(path: string, authority: AuthorityCertificate): Promise<Kept | undefined> {
  const text = await readPrivateFile(path).catch((error: unknown) => {
    if (errorCodeOf(error) === undefined) throw error;
    return undefined;
  });
  const pair = text === undefined ? undefined : parsePair(text);
  if (!pair) return undefined;
  try {
    const certificate = new X509Certificate(pair.cert);
    const isOurs = certificate.verify(new X509Certificate(authority.pem).publicKey) && certificate.checkPrivateKey(createPrivateKey(pair.key));
    return isOurs ? { pair, names: new Set((NAMES.exec(text ?? '')?.[1] ?? '').split(' ')) } : undefined;
  } catch {
    return undefined;
  }
}
