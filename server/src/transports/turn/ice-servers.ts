/** What a browser needs to find a path: a STUN and at most three TURN addresses with credentials of its own. Ours, or a coturn that shares the secret. */
import type { Clock } from '../../lib/clock.ts';
import { mintCredentials } from './credentials.ts';
import type { TurnPorts } from './server.ts';

/** As `RTCPeerConnection` takes it. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface IssuedIceServers {
  readonly iceServers: readonly IceServer[];
  /** When the credentials end; a relay made before lives on. */
  readonly expiresAt: Date;
}

/** A session at a desk; a stolen one is of little use, since it shares its user's quota. */
export const CREDENTIAL_LIFETIME_MS = 6 * 3600_000;

export interface IceServersDeps {
  readonly clock: Clock;
  readonly secret: string;
  /** Addresses of another TURN server, in place of ours. */
  readonly urls: readonly string[] | undefined;
  /** Ours as they are being served; undefined while it is off. */
  ports(): TurnPorts | undefined;
  /** Where clients find HTTPS, which takes TURN too: through firewalls that let nothing else pass. Undefined while it is off. */
  httpsPort(): number | undefined;
  /** Whether browsers accept the certificate of the TLS ports: TCP is offered in its place otherwise. */
  isTlsTrusted(): boolean;
  /** What clients call this server when the request does not say. */
  readonly fallbackHostname: string;
}

export class IceServers {
  readonly #deps: IceServersDeps;

  constructor(deps: IceServersDeps) {
    this.#deps = deps;
  }

  /** @param hostname what the client calls this server; IPv6 in brackets, as in URLs */
  for(user: string, hostname?: string): readonly IceServer[] {
    return this.issue(user, hostname).iceServers;
  }

  issue(user: string, hostname: string = this.#deps.fallbackHostname): IssuedIceServers {
    const { clock, secret } = this.#deps;
    const { username, credential, expiresAtMs } = mintCredentials({ secret, user, clock, lifetimeMs: CREDENTIAL_LIFETIME_MS });
    const { stun, turn } = this.#urls(hostname);
    const iceServers = [...(stun.length > 0 ? [{ urls: stun }] : []), ...(turn.length > 0 ? [{ urls: turn, username, credential }] : [])];
    return { iceServers, expiresAt: new Date(expiresAtMs) };
  }

  #urls(hostname: string): { readonly stun: readonly string[]; readonly turn: readonly string[] } {
    const { urls, isTlsTrusted, httpsPort } = this.#deps;
    if (urls) return { stun: urls.filter((url) => url.startsWith('stun')), turn: urls.filter((url) => url.startsWith('turn')) };
    const ports = this.#deps.ports();
    if (!ports) return { stun: [], turn: [] };
    const tlsPorts = isTlsTrusted() ? [...new Set([ports.tlsPort, httpsPort()])].filter((port) => port !== undefined) : [];
    const streams = tlsPorts.length > 0 ? tlsPorts.map((port) => `turns:${hostname}:${port}?transport=tcp`) : [`turn:${hostname}:${ports.port}?transport=tcp`];
    return { stun: [`stun:${hostname}:${ports.port}`], turn: [`turn:${hostname}:${ports.port}?transport=udp`, ...streams] };
  }
}
