/** `/ws/streams/{id}` from the client's side: what happens to a stream, and the viewer's heartbeat. */
import type { DeviceKind, PlaybackProtocol, StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
import { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { VIEWER_HEARTBEAT_MS } from '@millrace/contract/limits';
import { STREAM_SOCKET_PROTOCOL, streamSocketPath } from '@millrace/contract/protocol';
import { type ConnectionState, EventSocket, type EventSocketListener, type SocketEnvironment } from './event-socket.ts';
import type { ServerClock } from './server-clock.ts';

/** Heartbeats that could not leave before the connection is called dead. */
const STUCK_HEARTBEATS = 3;

export interface StreamSocketDeps extends SocketEnvironment {
  readonly streamId: string;
  /** Playback token of a private stream. */
  readonly token?: string | undefined;
  readonly clock: ServerClock;
  readonly listener: EventSocketListener<StreamSocketEvent>;
  /** What the heartbeat reports. */
  vitals(): { readonly latencyMs?: number; readonly stalls?: number };
}

export interface WatchAs {
  readonly visitorId: string;
  readonly protocol: PlaybackProtocol;
  readonly device: DeviceKind;
}

export class StreamSocket {
  readonly #deps: StreamSocketDeps;
  readonly #socket: EventSocket<StreamSocketEvent>;
  #watching: WatchAs | undefined;
  #stuck = 0;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(deps: StreamSocketDeps) {
    this.#deps = deps;
    this.#socket = new EventSocket({
      ...deps,
      path: streamSocketPath(deps.streamId),
      protocol: STREAM_SOCKET_PROTOCOL,
      event: StreamSocketEvent,
      listener: { event: (event) => this.#event(event), connection: (state) => this.#connection(state) },
    });
  }

  start(): void {
    this.#heartbeat = setInterval(() => this.#beat(), VIEWER_HEARTBEAT_MS);
    this.#socket.start();
  }

  /** Counts this client as a viewer from now on, across reconnections. */
  watch(as: WatchAs): void {
    this.#watching = as;
    this.#send({ type: 'WATCH', ...as });
  }

  leave(): void {
    if (!this.#watching) return;
    this.#watching = undefined;
    this.#send({ type: 'LEAVE' });
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#socket.close();
  }

  #event(event: StreamSocketEvent): void {
    const { clock, listener } = this.#deps;
    if (event.type === 'STREAM_STATUS_CHANGED') clock.sample(Date.parse(event.at));
    if (event.type === 'MEASURED') clock.sample(Date.parse(event.measurement.at));
    listener.event(event);
  }

  #connection(state: ConnectionState): void {
    this.#stuck = 0;
    this.#deps.listener.connection(state);
    if (state === 'open' && this.#watching) this.#send({ type: 'WATCH', ...this.#watching });
    if (state === 'refused') clearInterval(this.#heartbeat);
  }

  #beat(): void {
    if (!this.#watching || !this.#socket.isOpen) return;
    this.#stuck = this.#socket.bufferedBytes > 0 ? this.#stuck + 1 : 0;
    if (this.#stuck >= STUCK_HEARTBEATS) this.#socket.giveUp();
    else this.#send({ type: 'HEARTBEAT', ...this.#deps.vitals() });
  }

  #send(command: StreamSocketCommand): void {
    this.#socket.send(command);
  }
}
