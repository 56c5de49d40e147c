/** The call for STUN and TURN: an identity is required, because the relay's quotas count by it. */
import type { getIceServers, IceServer } from '@millrace/contract/rest/connectivity';
import type { Handler } from '../mount.ts';

/** Who hands out credentials of the relay. */
export interface IceServerSource {
  issue(
    user: string,
    hostname: string,
  ): {
    readonly iceServers: readonly { readonly urls: readonly string[]; readonly username?: string; readonly credential?: string }[];
    readonly expiresAt: Date;
  };
}

export interface ConnectivityHandlers {
  readonly getIceServers: Handler<typeof getIceServers>;
}

export function connectivityHandlers(source: IceServerSource): ConnectivityHandlers {
  return {
    getIceServers({ user, origin }) {
      const { iceServers, expiresAt } = source.issue(user.id, new URL(origin.web).hostname);
      return { iceServers: iceServers.map((server): IceServer => ({ ...server, urls: [...server.urls] })), expiresAt: expiresAt.toISOString() };
    },
  };
}
