/** Builds the relay, ours or the settings of another, and what hands out its addresses. For main.ts alone. */
import type { Certificates } from './certificates/certificates.ts';
import type { Config } from './config/load.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { publicHttpsPort, type ServedPorts, shownHost } from './served-ports.ts';
import { IceServers } from './transports/turn/ice-servers.ts';
import type { OwnAddresses } from './transports/turn/own-addresses.ts';
import { TurnServer, type TurnServerDeps } from './transports/turn/server.ts';

/** Relays that one user may have at once: four cameras, each with a second path while the first fails, and some that are ending. */
const TURN_ALLOCATIONS_PER_USER = 12;

export interface RelayDeps {
  readonly config: Pick<Config, 'turn' | 'host' | 'webrtc' | 'publicUrl'>;
  /** Of our own relay's credentials. */
  readonly secret: string;
  readonly certificates: Certificates | undefined;
  readonly ports: Readonly<ServedPorts>;
  readonly ownAddresses: OwnAddresses;
  readonly toOwnMedia: NonNullable<TurnServerDeps['toOwnMedia']>;
  /** Sessions that are reached on the relay's port. */
  readonly guests: NonNullable<TurnServerDeps['guests']>;
  readonly clock: Clock;
  readonly log: Log;
}

export function composeRelay({ config, secret, certificates, ports, ownAddresses, toOwnMedia, guests, clock, log }: RelayDeps): {
  readonly turn: TurnServer | undefined;
  readonly iceServers: IceServers;
} {
  const turn =
    config.turn.kind === 'built-in'
      ? new TurnServer({
          clock,
          log,
          secret: secret,
          isOwnAddress: (address) => ownAddresses.has(address),
          isOwnMedia: (address, port) => port === ports.webrtc && ownAddresses.has(address),
          toOwnMedia,
          guests,
          config: {
            host: config.host,
            port: config.turn.port,
            tls: certificates && config.turn.tlsPort !== undefined ? { port: config.turn.tlsPort, certificate: certificates } : undefined,
            relayPorts: { min: config.turn.minPort, max: config.turn.maxPort },
            allowedPeers: config.turn.allowedPeers,
            publicAddresses: config.webrtc.addresses,
            limits: { allocationsPerUser: TURN_ALLOCATIONS_PER_USER, allocations: config.turn.maxAllocations, userBytesPerSecond: config.turn.userBytesPerSecond },
          },
        })
      : undefined;
  const iceServers = new IceServers({
    clock,
    secret: config.turn.kind === 'elsewhere' ? config.turn.secret : secret,
    urls: config.turn.kind === 'elsewhere' ? config.turn.urls : undefined,
    ports: () => ports.turn,
    // A certificate that the operator gave is one that browsers know.
    isTlsTrusted: () => certificates !== undefined && certificates.caCertificate === undefined,
    httpsPort: () => (ports.https === undefined ? undefined : (publicHttpsPort(config.publicUrl) ?? ports.https)),
    fallbackHostname: config.publicUrl === undefined ? shownHost(config.host) : new URL(config.publicUrl).hostname,
  });
  return { turn, iceServers };
}
