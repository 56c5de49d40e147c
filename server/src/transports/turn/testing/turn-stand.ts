/** For tests: a relay on free ports of the loopback address, with credentials at hand. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/silent-log.ts';
import { parseSubnet } from '../../../lib/subnet.ts';
import { mintCredentials, type TurnPassword } from '../credentials.ts';
import type { PortGuests } from '../guests.ts';
import { OwnAddresses } from '../own-addresses.ts';
import { type TurnPorts, TurnServer, type TurnServerDeps, type TurnTls } from '../server.ts';

export const SECRET = 'a secret that only this test knows';

export interface TurnStandOptions {
  readonly clock?: Clock;
  readonly host?: string;
  /** Any free one unless given. */
  readonly port?: number;
  /** CIDR. */
  readonly allowedPeers?: readonly string[];
  readonly tls?: TurnTls;
  readonly limits?: Partial<TurnServerDeps['config']['limits']>;
  readonly relayPorts?: { readonly min: number; readonly max: number };
  readonly isOwnMedia?: (address: string, port: number) => boolean;
  readonly guests?: PortGuests;
}

export class TurnStand implements AsyncDisposable {
  readonly server: TurnServer;
  readonly clock: Clock;
  #ports: TurnPorts = { port: 0, tlsPort: undefined };

  constructor({
    clock = systemClock,
    host = '127.0.0.1',
    port = 0,
    allowedPeers = [],
    tls,
    limits = {},
    relayPorts = { min: 20_000, max: 29_999 },
    isOwnMedia = () => false,
    guests,
  }: TurnStandOptions = {}) {
    this.clock = clock;
    const own = new OwnAddresses({ clock, publicAddresses: [] });
    this.server = new TurnServer({
      clock,
      log: silentLog,
      secret: SECRET,
      isOwnAddress: (address) => own.has(address),
      isOwnMedia,
      ...(guests && { guests }),
      config: {
        host,
        port,
        tls: tls && { port: 0, certificate: tls },
        relayPorts,
        allowedPeers: allowedPeers.flatMap((text) => parseSubnet(text) ?? []),
        publicAddresses: [],
        limits: { allocationsPerUser: 12, allocations: 100, userBytesPerSecond: 10_000_000, ...limits },
      },
    });
  }

  static async start(options?: TurnStandOptions): Promise<TurnStand> {
    const stand = new TurnStand(options);
    stand.#ports = await stand.server.start();
    return stand;
  }

  get port(): number {
    return this.#ports.port;
  }

  get tlsPort(): number {
    return this.#ports.tlsPort ?? 0;
  }

  credentials(user = 'user', lifetimeMs = 3600_000): TurnPassword {
    return mintCredentials({ secret: SECRET, user, clock: this.clock, lifetimeMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

export interface TestCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Base64 of the SHA-256 of its public key, as Chromium's flag takes it. */
  readonly spki: string;
}

/** Signed by itself, for 127.0.0.1. */
export function makeCertificate(): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-turn-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  );
  const publicKey = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'der'], { input: openssl('x509', '-in', certFile, '-pubkey', '-noout') });
  const spki = execFileSync('openssl', ['dgst', '-sha256', '-binary'], { input: publicKey }).toString('base64');
  const made = { cert: readFileSync(certFile), key: readFileSync(keyFile), spki };
  rmSync(folder, { recursive: true });
  return made;
}
