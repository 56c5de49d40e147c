/** One socket on `/ws/streams/{id}`: admitted already, it watches, beats and leaves. */
import type { StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
import type { ErrorCode } from '@millrace/contract/errors';
import type { Clock } from '../lib/clock.ts';
import type { PlaybackCredentials } from '../stream/playback-gate.ts';
import type { Socket, SocketListener } from '../transports/http/socket.ts';
import { type ChannelMember, encode } from './stream-channel.ts';
import type { Audience } from './stream-status.ts';
import type { Visit, Visits } from './visits.ts';

export interface StreamSessionOptions {
  readonly streamId: string;
  readonly audience: Audience;
  readonly userId: string | null;
  /** What it was admitted for. */
  readonly credentials: PlaybackCredentials;
  readonly clock: Clock;
  /** The session is over. */
  closed(session: StreamSession): void;
}

type Watch = Extract<StreamSocketCommand, { readonly type: 'WATCH' }>;

/** Each becomes a row: players that change their protocol, or lose the stream and find it again, begin a few. */
const MAX_VIEWINGS = 10;
const VIEWINGS_WINDOW_MS = 60_000;

export class StreamSession implements ChannelMember, SocketListener<StreamSocketCommand> {
  readonly audience: Audience;
  readonly #socket: Socket<StreamSocketCommand>;
  readonly #visits: Visits;
  readonly #options: StreamSessionOptions;
  /** While watching. */
  #watching: { readonly visit: Visit; readonly as: string } | undefined;
  /** Viewings begun since `#countedSince`. */
  #viewings = 0;
  #countedSince = 0;

  constructor(socket: Socket<StreamSocketCommand>, visits: Visits, options: StreamSessionOptions) {
    this.#socket = socket;
    this.#visits = visits;
    this.#options = options;
    this.audience = options.audience;
    socket.listen(this);
  }

  get credentials(): PlaybackCredentials {
    return this.#options.credentials;
  }

  send(event: string, droppable = false): void {
    this.#socket.send(event, droppable);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  command(command: StreamSocketCommand): void {
    switch (command.type) {
      case 'WATCH':
        this.#watch(command);
        return;
      case 'HEARTBEAT':
        if (this.#watching) this.#watching.visit.beat(command);
        else this.#refuse('invalid_request', 'HEARTBEAT comes after WATCH.');
        return;
      case 'LEAVE':
        this.#leave();
        return;
    }
  }

  closed(): void {
    this.#leave();
    this.#options.closed(this);
  }

  /** The same again is a sign of life; anything else is another viewing. */
  #watch({ visitorId, protocol, device }: Watch): void {
    const { streamId, userId } = this.#options;
    const person = userId === null ? `visitor ${visitorId}` : `user ${userId}`;
    const as = `${protocol} ${device} ${person}`;
    if (this.#watching?.as === as) {
      this.#watching.visit.beat();
      return;
    }
    if (!this.#mayBegin()) {
      this.#refuse('too_many_requests', `A socket begins ${MAX_VIEWINGS} viewings a minute at most.`);
      return;
    }
    this.#leave();
    this.#watching = { visit: this.#visits.begin({ streamId, person, userId, protocol, device }), as };
  }

  #mayBegin(): boolean {
    const now = this.#options.clock.monotonic();
    if (now - this.#countedSince >= VIEWINGS_WINDOW_MS) {
      this.#countedSince = now;
      this.#viewings = 0;
    }
    return this.#viewings++ < MAX_VIEWINGS;
  }

  #leave(): void {
    this.#watching?.visit.end();
    this.#watching = undefined;
  }

  #refuse(code: ErrorCode, detail: string): void {
    this.send(encode({ type: 'COMMAND_REFUSED', code, detail }));
  }
}
