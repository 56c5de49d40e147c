/** One socket on `/ws/streams/{id}`: admitted already, it watches, beats and leaves. */
import type { StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
import type { Clock } from '../lib/clock.ts';
import type { ViewingRow } from '../store/viewings.ts';
import type { Socket, SocketListener } from '../transports/http/socket.ts';
import { type ChannelMember, encode } from './stream-channel.ts';
import type { Audience } from './stream-status.ts';
import type { Presence, ViewerCounter } from './viewer-counter.ts';
import { Viewing } from './viewing.ts';

export interface StreamSessionDeps {
  readonly clock: Clock;
  readonly counter: ViewerCounter;
  readonly viewings: { put(row: ViewingRow): void };
  newId(): string;
  broadcastId(): string | null;
}

export interface StreamSessionOptions {
  readonly streamId: string;
  readonly audience: Audience;
  readonly userId: string | null;
  /** The session is over. */
  closed(session: StreamSession): void;
}

type Watch = Extract<StreamSocketCommand, { readonly type: 'WATCH' }>;

/** What is written of a viewing that goes on: a crash costs the row its last minute. */
const CHECKPOINT_MS = 60_000;

interface Watching {
  readonly presence: Presence;
  readonly viewing: Viewing;
  writtenAt: number;
}

export class StreamSession implements ChannelMember, SocketListener<StreamSocketCommand> {
  readonly audience: Audience;
  readonly #socket: Socket<StreamSocketCommand>;
  readonly #deps: StreamSessionDeps;
  readonly #options: StreamSessionOptions;
  /** Kept while watching, so that one who was taken for vanished can beat again. */
  #watch: Watch | undefined;
  #watching: Watching | undefined;

  constructor(socket: Socket<StreamSocketCommand>, deps: StreamSessionDeps, options: StreamSessionOptions) {
    this.#socket = socket;
    this.#deps = deps;
    this.#options = options;
    this.audience = options.audience;
    socket.listen(this);
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
        this.#stopWatching();
        this.#watch = command;
        this.#startWatching(command);
        return;
      case 'HEARTBEAT':
        this.#beat(command);
        return;
      case 'LEAVE':
        this.#watch = undefined;
        this.#stopWatching();
        return;
    }
  }

  closed(): void {
    this.#watch = undefined;
    this.#stopWatching();
    this.#options.closed(this);
  }

  #startWatching({ visitorId, protocol, device }: Watch): Watching {
    const { clock, counter, newId, broadcastId } = this.#deps;
    const { streamId, userId } = this.#options;
    const now = clock.now();
    const presence = counter.join({ streamId, person: userId === null ? `visitor ${visitorId}` : `user ${userId}`, onVanished: () => this.#write() });
    const viewing = new Viewing({ id: newId(), streamId, broadcastId: broadcastId(), userId, protocol, device }, now);
    this.#watching = { presence, viewing, writtenAt: now };
    this.#deps.viewings.put(viewing.toRow());
    return this.#watching;
  }

  #beat(vitals: { readonly latencyMs?: number | undefined; readonly stalls?: number | undefined }): void {
    if (!this.#watch) {
      this.send(encode({ type: 'COMMAND_REFUSED', code: 'invalid_request', detail: 'HEARTBEAT comes after WATCH.' }));
      return;
    }
    const watching = this.#watching ?? this.#startWatching(this.#watch);
    const now = this.#deps.clock.now();
    watching.presence.beat();
    watching.viewing.seen(now, vitals);
    if (now - watching.writtenAt < CHECKPOINT_MS) return;
    watching.writtenAt = now;
    this.#deps.viewings.put(watching.viewing.toRow());
  }

  /** An explicit end: the viewer was there until now. */
  #stopWatching(): void {
    const watching = this.#watching;
    if (!watching) return;
    watching.presence.leave();
    watching.viewing.seen(this.#deps.clock.now());
    this.#write();
  }

  /** The viewing is over, as of when it was last seen. */
  #write(): void {
    const watching = this.#watching;
    this.#watching = undefined;
    if (watching) this.#deps.viewings.put(watching.viewing.toRow());
  }
}
