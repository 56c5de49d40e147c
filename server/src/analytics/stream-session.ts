/** One socket on `/ws/streams/{id}`: admitted already, it watches, beats and leaves. */
import type { StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
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
  /** The session is over. */
  closed(session: StreamSession): void;
}

type Watch = Extract<StreamSocketCommand, { readonly type: 'WATCH' }>;

export class StreamSession implements ChannelMember, SocketListener<StreamSocketCommand> {
  readonly audience: Audience;
  readonly #socket: Socket<StreamSocketCommand>;
  readonly #visits: Visits;
  readonly #options: StreamSessionOptions;
  /** While watching. */
  #visit: Visit | undefined;

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
        this.#leave();
        this.#visit = this.#watch(command);
        return;
      case 'HEARTBEAT':
        if (this.#visit) this.#visit.beat(command);
        else this.send(encode({ type: 'COMMAND_REFUSED', code: 'invalid_request', detail: 'HEARTBEAT comes after WATCH.' }));
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

  #watch({ visitorId, protocol, device }: Watch): Visit {
    const { streamId, userId } = this.#options;
    return this.#visits.begin({ streamId, person: userId === null ? `visitor ${visitorId}` : `user ${userId}`, userId, protocol, device });
  }

  #leave(): void {
    this.#visit?.end();
    this.#visit = undefined;
  }
}
