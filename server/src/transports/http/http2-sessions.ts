/** HTTP/2 over connections that are already encrypted, bounded, with Node's compatible requests and answers, so that routes serve both versions alike. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../lib/clock.ts';
import { KEEP_ALIVE_TIMEOUT_MS, REQUEST_TIMEOUT_MS, STALLED_ANSWER_MS } from './patience.ts';

export interface Http2SessionsDeps {
  readonly clock: Clock;
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** How long an answer may lie without a byte being taken. */
  readonly stalledAnswerMs?: number;
}

/** A page with a wall of players asks for some dozens of things at once. */
const MAX_STREAMS_PER_SESSION = 100;

/** As HTTP/1.1 has it in Node. */
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADER_PAIRS = 100;

/** What a session may hold in memory besides media, which is shared. Megabytes, as Node counts. */
const MAX_SESSION_MEGABYTES = 4;

/** Players cancel what they no longer need, a few times a second. Opening and cancelling streams by the thousand is an attack (CVE-2023-44487). */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;

/** A client that talks nonsense this often is let go. */
const MAX_INVALID_FRAMES = 50;

/** Streams above the limit, refused: a client in good order knows the limit. */
const MAX_REJECTED_STREAMS = 50;

export class Http2Sessions {
  /** Totals, but for `sessions`, which are those of now. */
  readonly counters = { sessions: 0, idled: 0, slowRequests: 0, stalledAnswers: 0 };
  readonly #deps: Http2SessionsDeps;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  #isClosing = false;

  constructor(deps: Http2SessionsDeps) {
    this.#deps = deps;
    // Never listens: connections come through `accept`, with their handshake done.
    this.#server = createServer({
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_SESSION, maxHeaderListSize: MAX_HEADER_BYTES, enablePush: false },
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
      maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
      streamResetBurst: RESET_BURST,
      streamResetRate: RESETS_PER_SECOND,
    });
    this.#server.on('session', (session) => this.#opened(session));
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#request(request, response));
  }

  accept(socket: Socket): void {
    // Whatever breaks ends in 'close', which is what is acted on.
    socket.on('error', () => {});
    this.#server.emit('connection', socket);
  }

  /** Lets answers on their way finish; each session ends with its last one. */
  close(): void {
    this.#isClosing = true;
    for (const session of this.#sessions) session.close();
  }

  #opened(session: ServerHttp2Session): void {
    const { clock } = this.#deps;
    const { counters } = this;
    let streams = 0;
    let idle: Timer | undefined;
    // Counted by streams, not by bytes: pings and headers that trickle in do not keep a session.
    const rest = (): void => {
      idle = clock.after(KEEP_ALIVE_TIMEOUT_MS, () => {
        counters.idled++;
        session.close();
        // A head that never ends is no stream that could be waited for.
        session.destroy();
      });
    };
    counters.sessions++;
    this.#sessions.add(session);
    rest();
    session.on('stream', (stream) => {
      idle?.cancel();
      streams++;
      this.#bound(stream);
      stream.once('close', () => {
        if (--streams === 0 && !session.closed) rest();
      });
    });
    session.on('error', () => {});
    session.once('close', () => {
      idle?.cancel();
      counters.sessions--;
      this.#sessions.delete(session);
    });
    if (this.#isClosing) session.close();
  }

  /** An answer that nobody takes up must not be held for ever. */
  #bound(stream: ServerHttp2Stream): void {
    stream.setTimeout(this.#deps.stalledAnswerMs ?? STALLED_ANSWER_MS, () => {
      this.counters.stalledAnswers++;
      stream.close(constants.NGHTTP2_CANCEL);
    });
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    // The setting tells clients; nothing else keeps them to it.
    if (headerBytes(request.rawHeaders) > MAX_HEADER_BYTES) {
      response.writeHead(431);
      response.end();
      return;
    }
    // What HTTP/1.1 calls Host; every route reads it there.
    const authority = request.headers[':authority'];
    if (request.headers.host === undefined && typeof authority === 'string') request.headers.host = authority;
    if (!request.complete) this.#awaitBody(request, response);
    this.#deps.request(request, response);
  }

  #awaitBody(request: IncomingMessage, response: ServerResponse): void {
    const late = this.#deps.clock.after(REQUEST_TIMEOUT_MS, () => {
      if (request.complete) return;
      this.counters.slowRequests++;
      response.destroy();
    });
    response.once('close', () => late.cancel());
  }
}

function headerBytes(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}
