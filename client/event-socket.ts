/** A WebSocket of typed events that reconnects until it is closed, or refused for good. */
import { CLOSE_STREAM_DELETED } from '@millrace/contract/protocol';
import type { z } from 'zod';
import { retryDelayMs } from './retry-delay.ts';

/** Sockets close with 4000 + HTTP status; these do not change by trying again. */
const FINAL_CLOSE_CODES = new Set([4400, 4401, 4403, 4404, CLOSE_STREAM_DELETED]);

export type ConnectionState = 'connecting' | 'open' | 'closed' | 'refused';

export interface EventSocketListener<Event> {
  event(event: Event): void;
  /** `refused`: the server will not have this socket, so it is not tried again. */
  connection(state: ConnectionState): void;
}

/** What every socket needs of where it runs. */
export interface SocketEnvironment {
  /** Origin of the server, `http:` or `https:`. */
  readonly origin: string;
  /** The owner's bearer, where no cookie carries the session. */
  readonly bearer?: string | undefined;
  readonly WebSocket: typeof WebSocket;
  readonly random: () => number;
  /** Tells `online`; the window in browsers. */
  readonly network: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;
}

export interface EventSocketDeps<Event> extends SocketEnvironment {
  readonly path: string;
  /** WebSocket subprotocol. */
  readonly protocol: string;
  /** Playback token of a private stream. */
  readonly token?: string | undefined;
  readonly event: z.ZodType<Event>;
  readonly listener: EventSocketListener<Event>;
}

export class EventSocket<Event> {
  readonly #deps: EventSocketDeps<Event>;
  #socket: WebSocket | undefined;
  #attempt = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(deps: EventSocketDeps<Event>) {
    this.#deps = deps;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === this.#deps.WebSocket.OPEN;
  }

  /** What was sent and has not left yet. */
  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  start(): void {
    this.#deps.network.addEventListener('online', this.#retryNow);
    this.#connect();
  }

  /** Says nothing while it is not open. */
  send(command: object): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(command));
  }

  /** The connection is dead without knowing it: another takes its place. */
  giveUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#lost(1006);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deps.network.removeEventListener('online', this.#retryNow);
    clearTimeout(this.#retryTimer);
    this.#socket?.close(1000);
    this.#socket = undefined;
  }

  #connect(): void {
    const { origin, path, protocol, token, bearer, WebSocket, listener } = this.#deps;
    const url = new URL(path, origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (token) url.searchParams.set('token', token);
    listener.connection('connecting');
    const socket = new WebSocket(url, bearer ? [protocol, `bearer.${bearer}`] : [protocol]);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (this.#socket === socket) listener.connection('open');
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#receive(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket === socket) this.#lost(code);
    });
  }

  #receive(data: unknown): void {
    const event = parse(data, this.#deps.event);
    // A newer server may say what this client does not know yet.
    if (event === undefined) return;
    this.#attempt = 0;
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
}

function parse<Event>(data: unknown, schema: z.ZodType<Event>): Event | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
