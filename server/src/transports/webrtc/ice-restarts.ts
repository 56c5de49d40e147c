/**
 * ICE restarts (RFC 8445 §9) for a library that has none: sessions get new credentials, and their packets come through the relay's port, which is open
 * already. What comes there is told by the path it came by, or by the name in a check; on loopback it goes on to the library.
 */
import { isIPv6 } from 'node:net';
import { ProtocolError } from '@millrace/media/protocol-error';
import { readStun, StunClass, type StunMessage } from '@millrace/media/stun/message';
import type { Clock } from '../../lib/clock.ts';
import type { GuestPath, PortGuests } from '../turn/guests.ts';
import { hostCandidates } from './candidates.ts';
import { usernameOf } from './connectivity-check.ts';
import type { LibraryEnds } from './library-leg.ts';
import { RestartedSession, type RestartListener } from './restarted-session.ts';

export interface IceRestartsDeps {
  readonly clock: Clock;
  readonly config: { readonly host: string; readonly addresses: readonly string[] };
  /** The relay's, by UDP. Undefined: there is none, and no restart. */
  port(): number | undefined;
}

export class IceRestarts implements PortGuests {
  readonly #deps: IceRestartsDeps;
  readonly #byUfrag = new Map<string, RestartedSession>();
  readonly #byPath = new Map<string, RestartedSession>();
  readonly #counters = { restarts: 0, strangers: 0 };

  constructor(deps: IceRestartsDeps) {
    this.#deps = deps;
  }

  /** `restarts` that succeeded, and checks that name a session but are not signed with its password. */
  get counters(): Readonly<{ restarts: number; strangers: number }> {
    return this.#counters;
  }

  /** Values of `a=candidate`; undefined when nothing can be restarted here. */
  get candidates(): readonly string[] | undefined {
    const { config, port } = this.#deps;
    const relayPort = port();
    if (relayPort === undefined) return undefined;
    // The relay's socket has the families of its address, and 0.0.0.0 is one of IPv4.
    const candidates = hostCandidates({ ...config, port: relayPort, ipv4Only: !isIPv6(config.host) });
    return candidates.length > 0 ? candidates : undefined;
  }

  /** Rejects when there is no socket to be had. */
  async open(ends: LibraryEnds, listener: Pick<RestartListener, 'moved' | 'lost'>): Promise<RestartedSession> {
    const session = await RestartedSession.open({
      clock: this.#deps.clock,
      ends,
      listener: {
        expects: (ufrag) => this.#byUfrag.set(ufrag, session),
        expectsNoMore: (ufrag) => this.#byUfrag.delete(ufrag),
        left: (pathKey) => {
          if (this.#byPath.get(pathKey) === session) this.#byPath.delete(pathKey);
        },
        moved: (path) => {
          this.#counters.restarts++;
          listener.moved(path);
        },
        lost: () => listener.lost(),
      },
    });
    return session;
  }

  media(pathKey: string, packet: Uint8Array): boolean {
    const session = this.#byPath.get(pathKey);
    session?.fromPeer(pathKey, packet);
    return session !== undefined;
  }

  binding(bytes: Uint8Array, path: GuestPath): boolean {
    if (this.#byUfrag.size === 0) return false;
    const message = readIfStun(bytes);
    if (message?.class === StunClass.request) return this.#request(message, path);
    const session = this.#byPath.get(path.key);
    if (!message || !session) return false;
    if (message.class !== StunClass.indication) session.answer(message, path.key);
    return true;
  }

  #request(message: StunMessage, path: GuestPath): boolean {
    const ufrag = usernameOf(message)?.split(':')[0];
    const session = ufrag === undefined ? undefined : this.#byUfrag.get(ufrag);
    if (!session) return false;
    if (session.request(message, path)) this.#byPath.set(path.key, session);
    else this.#counters.strangers++;
    return true;
  }
}

/** Undefined for what is damaged: whoever else is on the port says what becomes of it. */
function readIfStun(bytes: Uint8Array): StunMessage | undefined {
  try {
    return readStun(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
