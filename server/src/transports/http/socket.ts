/** WebSockets that carry JSON commands in and events out: framing, limits and the end of a connection. Knows no command. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { closeCodeOf, type ErrorCode } from '@millrace/contract/errors';
import { CLOSE_SERVER_STOPPING } from '@millrace/contract/protocol';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

export interface SocketListener<Command> {
  command(command: Command): void;
  /** The connection is gone, whoever ended it. Called once. */
  closed(): void;
}

export interface SocketServerDeps<Command> {
  readonly clock: Clock;
  readonly log: Log;
  /** WebSocket subprotocol. */
  readonly protocol: string;
  readonly maxFrameBytes: number;
  readonly command: z.ZodType<Command>;
  /** The event that tells a client why its command was not taken. */
  refusal(code: ErrorCode, detail: string): string;
}

/** A connection that has not answered the last ping when the next is due is dead: gone after 20 s at the latest. */
const PING_MS = 10_000;

/** A slow client misses events that the next one replaces … */
const MAX_BUFFERED_FOR_DROPPABLE_BYTES = 64 * 1024;
/** … and is let go when it does not even take the others. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** A program that errs twice may have a bug; the third time it is one that will not stop. */
const MAX_MALFORMED_FRAMES = 3;

/** Between two pings; a viewer sends two heartbeats. */
const MAX_COMMANDS_PER_PERIOD = 100;

/** What clients get to answer the closing handshake. */
const CLOSE_GRACE_MS = 1_000;

export class SocketServer<Command> {
  readonly counters = { opened: 0, malformedFrames: 0, droppedEvents: 0, slowClients: 0, deadClients: 0, floods: 0 };
  readonly #deps: SocketServerDeps<Command>;
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<Socket<Command>>();
  #pingTimer: Timer | undefined;
  #isStopping = false;

  constructor(deps: SocketServerDeps<Command>) {
    this.#deps = deps;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Events are small; compressing each for each client costs more than it saves.
      perMessageDeflate: false,
      maxPayload: deps.maxFrameBytes,
      handleProtocols: (offered) => (offered.has(deps.protocol) ? deps.protocol : false),
    });
  }

  /** Open sockets. */
  get size(): number {
    return this.#sockets.size;
  }

  start(): void {
    this.#pingTimer ??= this.#deps.clock.every(PING_MS, () => {
      for (const socket of this.#sockets) socket.ping();
    });
  }

  /** Completes the handshake. A request that is no WebSocket is answered and never opened. */
  accept(request: IncomingMessage, connection: Duplex, head: Buffer, opened: (socket: Socket<Command>) => void): void {
    this.#server.handleUpgrade(request, connection, head, (ws) => {
      const socket = new Socket(ws, this.#deps, this.counters, () => this.#sockets.delete(socket));
      this.#sockets.add(socket);
      this.counters.opened++;
      opened(socket);
      if (this.#isStopping) socket.close(CLOSE_SERVER_STOPPING, 'the server is stopping');
    });
  }

  /** Refuses a handshake. Programs get a status; browsers hide it from their pages, so they get a socket that closes with the code. */
  refuse(code: ErrorCode, request: IncomingMessage, connection: Duplex, head: Buffer): void {
    if (request.headers.origin === undefined) refuseUpgrade(connection, code);
    else this.accept(request, connection, head, (socket) => socket.close(closeCodeOf(code), code));
  }

  /** Tells every client that the server stops, and waits for them a moment. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#pingTimer?.cancel();
    this.#pingTimer = undefined;
    const sockets = [...this.#sockets];
    for (const socket of sockets) socket.close(CLOSE_SERVER_STOPPING, 'the server is stopping');
    const force = this.#deps.clock.after(CLOSE_GRACE_MS, () => {
      for (const socket of sockets) socket.terminate();
    });
    await Promise.all(sockets.map((socket) => socket.closed));
    force.cancel();
  }
}

export class Socket<Command> {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #ws: WebSocket;
  readonly #deps: SocketServerDeps<Command>;
  readonly #counters: SocketServer<Command>['counters'];
  #listener: SocketListener<Command> | undefined;
  #isAlive = true;
  #malformed = 0;
  #commands = 0;

  /** Made by SocketServer. */
  constructor(ws: WebSocket, deps: SocketServerDeps<Command>, counters: SocketServer<Command>['counters'], gone: () => void) {
    this.#ws = ws;
    this.#deps = deps;
    this.#counters = counters;
    ws.on('pong', () => {
      this.#isAlive = true;
    });
    ws.on('message', (data, isBinary) => this.#message(data, isBinary));
    // Frames that break the protocol or are too large: ws closes by itself, with the code for it.
    ws.on('error', (error) => deps.log.debug({ err: error }, 'a socket failed'));
    this.closed = new Promise((resolve) => {
      ws.once('close', () => {
        gone();
        this.#listener?.closed();
        resolve();
      });
    });
  }

  /** Who hears commands; set in the call of `opened`, before anything can arrive. */
  listen(listener: SocketListener<Command>): void {
    this.#listener = listener;
  }

  /** @param droppable the next such event replaces this one, so that a slow client may miss it. */
  send(event: string, droppable = false): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    const buffered = this.#ws.bufferedAmount;
    if (droppable && buffered > MAX_BUFFERED_FOR_DROPPABLE_BYTES) {
      this.#counters.droppedEvents++;
      return;
    }
    if (buffered > MAX_BUFFERED_BYTES) {
      this.#counters.slowClients++;
      // A closing frame would wait behind all that is queued.
      this.terminate();
      return;
    }
    this.#ws.send(event);
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  fail(code: ErrorCode, reason: string): void {
    this.close(closeCodeOf(code), reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /** Asks for a sign of life; ends the connection when the last one was not given. */
  ping(): void {
    if (!this.#isAlive) {
      this.#counters.deadClients++;
      this.terminate();
      return;
    }
    this.#isAlive = false;
    this.#commands = 0;
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping();
  }

  #message(data: RawData, isBinary: boolean): void {
    // After a close the other side may still send for a moment.
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (++this.#commands > MAX_COMMANDS_PER_PERIOD) {
      this.#counters.floods++;
      this.fail('too_many_requests', 'too many commands');
      return;
    }
    const command = isBinary ? 'must be text, not binary' : this.#parse(String(data));
    if (typeof command !== 'string') {
      this.#listener?.command(command.value);
      return;
    }
    this.#counters.malformedFrames++;
    this.send(this.#deps.refusal('invalid_request', command));
    if (++this.#malformed >= MAX_MALFORMED_FRAMES) this.fail('invalid_request', 'too many malformed frames');
  }

  /** The command, or what is wrong with it. */
  #parse(text: string): { readonly value: Command } | string {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return 'must be JSON';
    }
    const parsed = this.#deps.command.safeParse(json);
    if (parsed.success) return { value: parsed.data };
    const [issue] = parsed.error.issues;
    return issue ? `${issue.path.join('.') || 'command'}: ${issue.message}`.slice(0, 200) : 'is not a command';
  }
}
