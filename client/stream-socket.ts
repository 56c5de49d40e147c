/** `/ws/streams/{id}` from the client's side: typed events, reconnection that gives up never, and the viewer's heartbeat. */
import type { DeviceKind, PlaybackProtocol, StreamSocketCommand } from '@millrace/contract/commands/stream-socket';
import { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { VIEWER_HEARTBEAT_MS } from '@millrace/contract/limits';
import { CLOSE_STREAM_DELETED, STREAM_SOCKET_PROTOCOL, streamSocketPath } from '@millrace/contract/protocol';
import { retryDelayMs } from './retry-delay.ts';
import type { ServerClock } from './server-clock.ts';

/** Heartbeats that could not leave before the connection is called dead. */
const STUCK_HEARTBEATS = 3;

/** Sockets close with 4000 + HTTP status; these do not change by trying again. */
const FINAL_CLOSE_CODES = new Set([4400, 4401, 4403, 4404, CLOSE_STREAM_DELETED]);

export type ConnectionState = 'connecting' | 'open' | 'closed' | 'refused';

export interface StreamSocketListener {
  event(event: StreamSocketEvent): void;
  /** `refused`: the server will not have this socket, so it is not tried again. */
  connection(state: ConnectionState): void;
}

export interface StreamSocketDeps {
  /** Origin of the server, `http:` or `https:`. */
  readonly origin: string;
  readonly streamId: string;
  /** Playback token of a private stream. */
  readonly token?: string | undefined;
  /** The owner's bearer, where no cookie carries the session. */
  readonly bearer?: string | undefined;
  readonly WebSocket: typeof WebSocket;
  readonly clock: ServerClock;
  readonly random: () => number;
  /** Tells `online`; the window in browsers. */
  readonly network: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;
  readonly listener: StreamSocketListener;
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
  #socket: WebSocket | undefined;
  #watching: WatchAs | undefined;
  #attempt = 0;
  #stuck = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(deps: StreamSocketDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.network.addEventListener('online', this.#retryNow);
    this.#heartbeat = setInterval(() => this.#beat(), VIEWER_HEARTBEAT_MS);
    this.#connect();
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
    if (this.#closed) return;
    this.#closed = true;
    this.#deps.network.removeEventListener('online', this.#retryNow);
    clearInterval(this.#heartbeat);
    clearTimeout(this.#retryTimer);
    this.#socket?.close(1000);
    this.#socket = undefined;
  }

  #connect(): void {
    const { origin, streamId, token, bearer, WebSocket, listener } = this.#deps;
    const url = new URL(streamSocketPath(streamId), origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (token) url.searchParams.set('token', token);
    listener.connection('connecting');
    const socket = new WebSocket(url, bearer ? [STREAM_SOCKET_PROTOCOL, `bearer.${bearer}`] : [STREAM_SOCKET_PROTOCOL]);
    this.#socket = socket;
    this.#stuck = 0;
    socket.addEventListener('open', () => {
      if (this.#socket !== socket) return;
      listener.connection('open');
      if (this.#watching) this.#send({ type: 'WATCH', ...this.#watching });
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#receive(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket === socket) this.#lost(code);
    });
  }

  #receive(data: unknown): void {
    const event = parse(data);
    // A newer server may say what this client does not know yet.
    if (!event) return;
    this.#attempt = 0;
    if (event.type === 'STREAM_STATUS_CHANGED') this.#deps.clock.sample(Date.parse(event.at));
    if (event.type === 'MEASURED') this.#deps.clock.sample(Date.parse(event.measurement.at));
    this.#deps.listener.event(event);
  }

  #lost(code: number): void {
    this.#socket = undefined;
    if (this.#closed) return;
    if (FINAL_CLOSE_CODES.has(code)) {
      this.#deps.listener.connection('refused');
      this.close();
      return;
    }
    this.#deps.listener.connection('closed');
    this.#retryTimer = setTimeout(() => this.#connect(), retryDelayMs(this.#attempt++, this.#deps.random));
  }

  readonly #retryNow = (): void => {
    this.#attempt = 0;
    clearTimeout(this.#retryTimer);
    // A socket that was open when the network changed is usually dead without knowing it.
    const stale = this.#socket;
    this.#socket = undefined;
    stale?.close();
    this.#connect();
  };

  #beat(): void {
    const socket = this.#socket;
    if (!this.#watching || socket?.readyState !== this.#deps.WebSocket.OPEN) return;
    this.#stuck = socket.bufferedAmount > 0 ? this.#stuck + 1 : 0;
    if (this.#stuck >= STUCK_HEARTBEATS) {
      this.#socket = undefined;
      socket.close();
      this.#lost(1006);
      return;
    }
    this.#send({ type: 'HEARTBEAT', ...this.#deps.vitals() });
  }

  #send(command: StreamSocketCommand): void {
    if (this.#socket?.readyState === this.#deps.WebSocket.OPEN) this.#socket.send(JSON.stringify(command));
  }
}

function parse(data: unknown): StreamSocketEvent | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const parsed = StreamSocketEvent.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
