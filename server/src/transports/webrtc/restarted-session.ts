/** A session whose ICE was restarted: what its peer sends by the path of the newest credentials that work goes to the library, and back. */
import { randomBytes } from 'node:crypto';
import type { IceCredentials } from '@millrace/media/sdp/description';
import type { StunMessage } from '@millrace/media/stun/message';
import type { Clock } from '../../lib/clock.ts';
import type { GuestPath } from '../turn/guests.ts';
import { IceAgent } from './ice-agent.ts';
import { type LibraryEnds, LibraryLeg } from './library-leg.ts';

/** Both in characters that need no padding: 48 and 192 bits (RFC 8445 §5.3 asks for 24 and 128). */
const UFRAG_BYTES = 6;
const PWD_BYTES = 24;

export interface RestartedSessionDeps {
  readonly clock: Clock;
  readonly ends: LibraryEnds;
  readonly listener: RestartListener;
}

export interface RestartListener {
  /** Checks for this fragment are for this session, or no longer are. */
  expects(ufrag: string): void;
  expectsNoMore(ufrag: string): void;
  /** What comes by this path is no longer this session's. */
  left(pathKey: string): void;
  /** A restart has succeeded: media takes the new path. */
  moved(path: GuestPath): void;
  /** The peer no longer consents to being sent to. */
  lost(): void;
}

export class RestartedSession {
  readonly #deps: RestartedSessionDeps;
  readonly #library: LibraryLeg;
  /** That media goes by; none until the first restart succeeds, and media goes by the library's own path. */
  #current: IceAgent | undefined;
  /** Of the restart that is under way. */
  #next: IceAgent | undefined;
  #isClosed = false;

  private constructor(library: LibraryLeg, deps: RestartedSessionDeps) {
    this.#library = library;
    this.#deps = deps;
  }

  /** Rejects when there is no socket to be had. */
  static async open(deps: RestartedSessionDeps): Promise<RestartedSession> {
    const library = await LibraryLeg.open(deps.ends, deps.clock, (packet) => session.#fromLibrary(packet));
    const session = new RestartedSession(library, deps);
    return session;
  }

  /** Begins a restart with these credentials of the peer, in place of one that is under way. This end's are returned. */
  renew(remote: IceCredentials): IceCredentials {
    const local = { ufrag: randomBytes(UFRAG_BYTES).toString('base64'), pwd: randomBytes(PWD_BYTES).toString('base64') };
    const { clock, listener } = this.#deps;
    const replaced = this.#next;
    const agent = new IceAgent({
      clock,
      local,
      remote,
      randomBytes,
      listener: {
        selected: () => this.#selected(agent),
        consentEnded: () => listener.lost(),
        forgotten: (pathKey) => {
          if (!this.#current?.knows(pathKey) && !this.#next?.knows(pathKey)) listener.left(pathKey);
        },
      },
    });
    this.#next = agent;
    listener.expects(local.ufrag);
    this.#retire(replaced);
    return local;
  }

  /** A check of the peer. False: it is not signed as one. */
  request(message: StunMessage, path: GuestPath): boolean {
    return this.#next?.request(message, path) || this.#current?.request(message, path) || false;
  }

  /** The peer answers a check. */
  answer(message: StunMessage, pathKey: string): void {
    this.#current?.answer(message, pathKey);
    this.#next?.answer(message, pathKey);
  }

  fromPeer(pathKey: string, packet: Uint8Array): void {
    // Both are told: what the next hears may make it the current one.
    const isKnown = this.#current?.media(pathKey);
    if (this.#next?.media(pathKey) || isKnown) this.#library.send(packet);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const agents = [this.#current, this.#next];
    this.#current = undefined;
    this.#next = undefined;
    for (const agent of agents) this.#retire(agent);
    this.#library.close();
  }

  #selected(agent: IceAgent): void {
    if (agent !== this.#next) return;
    const old = this.#current;
    this.#current = agent;
    this.#next = undefined;
    this.#retire(old);
    this.#library.nominate();
    if (agent.selected) this.#deps.listener.moved(agent.selected);
  }

  #retire(agent: IceAgent | undefined): void {
    if (!agent) return;
    this.#deps.listener.expectsNoMore(agent.ufrag);
    agent.close();
  }

  #fromLibrary(packet: Uint8Array): void {
    this.#current?.selected?.relay([packet]);
  }
}
