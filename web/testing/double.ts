/**
 * A small stand-in for the server, for tests of the pages alone: the REST routes, the stream socket, playlists from a folder and
 * the built pages. Every answer is checked against the contract before it leaves, so that it cannot drift from the real one.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import type { Measurement } from '@millrace/contract/entities/measurement';
import { Problem } from '@millrace/contract/entities/problem';
import type { PublicStream, Stream } from '@millrace/contract/entities/stream';
import { ERRORS, type ErrorCode } from '@millrace/contract/errors';
import { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { API_PREFIX, STREAM_SOCKET_PROTOCOL } from '@millrace/contract/protocol';
import type { Route } from '@millrace/contract/rest/route';
import { ROUTES } from '@millrace/contract/rest/routes';
import { type WebSocket, WebSocketServer } from 'ws';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.m4s': 'video/mp4',
  '.mp4': 'video/mp4',
};

/** What the real server sends, so that the pages are tested under it. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

export interface DoubleOptions {
  /** The built pages. */
  readonly pages: string;
  /** A folder with index.m3u8, served as every stream's playlist. */
  readonly hls?: string;
}

export class Double {
  readonly #options: DoubleOptions;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => STREAM_SOCKET_PROTOCOL });
  readonly #streams = new Map<string, Stream>();
  readonly #last = new Map<string, StreamSocketEvent>();
  readonly #clients = new Map<string, Set<WebSocket>>();
  readonly commands: unknown[] = [];
  /** Playlists answer 404 while false, as before the first segment. */
  media = true;
  origin = '';

  constructor(options: DoubleOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      });
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#welcome(request, client));
    });
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`;
    return this.origin;
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Puts a stream there, or changes it. Pages hear of it when `tell` follows. */
  put(stream: Stream): void {
    this.#streams.set(stream.id, stream);
  }

  /** Sends an event to everybody on the stream's socket; a status is repeated to who connects later. */
  tell(streamId: string, event: StreamSocketEvent): void {
    const checked = StreamSocketEvent.parse(event);
    if (checked.type === 'STREAM_STATUS_CHANGED') {
      this.#last.set(streamId, checked);
      const stream = this.#streams.get(streamId);
      if (stream) this.put({ ...stream, status: checked.status });
    }
    for (const client of this.#clients.get(streamId) ?? []) client.send(JSON.stringify(checked));
  }

  measured(streamId: string, measurement: Measurement): void {
    this.tell(streamId, { type: 'MEASURED', measurement });
  }

  /** Cuts every socket, as a restart of the server does. */
  dropSockets(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }

  #welcome(request: IncomingMessage, client: WebSocket): void {
    const id = new URL(request.url ?? '/', this.origin).pathname.split('/').at(-1) ?? '';
    const clients = this.#clients.get(id) ?? new Set();
    this.#clients.set(id, clients.add(client));
    client.on('close', () => clients.delete(client));
    client.on('message', (data) => this.commands.push(JSON.parse(String(data))));
    const last = this.#last.get(id);
    if (last) client.send(JSON.stringify({ ...last, at: new Date().toISOString() }));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    if (url.pathname.startsWith(API_PREFIX)) return await this.#api(request, url, response);
    if (url.pathname.startsWith('/hls/')) return await this.#media(url, response);
    const asset = join(this.#options.pages, normalize(url.pathname));
    const isFile = extname(asset) !== '' && (await stat(asset).catch(() => undefined))?.isFile();
    response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
    send(response, isFile ? asset : join(this.#options.pages, 'index.html'));
  }

  async #media(url: URL, response: ServerResponse): Promise<void> {
    const file = join(this.#options.hls ?? '', normalize(url.pathname.split('/').slice(3).join('/')));
    if (!this.media || !this.#options.hls || !(await stat(file).catch(() => undefined))) {
      this.#problem(response, 'not_live');
      return;
    }
    response.setHeader('cache-control', 'no-store');
    send(response, file);
  }

  async #api(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    for (const route of Object.values(ROUTES)) {
      const params = match(route, request.method ?? '', url.pathname.slice(API_PREFIX.length));
      if (!params) continue;
      this.#route(route, params, await readJson(request), response);
      return;
    }
    this.#problem(response, 'not_found');
  }

  #route(route: Route, params: Readonly<Record<string, string>>, body: Readonly<Record<string, unknown>>, response: ServerResponse): void {
    const answer = this.#answerOf(route, params, body);
    if (answer === undefined) this.#problem(response, route.id === 'getCode' ? 'code_not_found' : 'stream_not_found');
    else this.#send(response, route, answer);
  }

  /** Undefined: there is no such stream. */
  #answerOf(route: Route, params: Readonly<Record<string, string>>, body: Readonly<Record<string, unknown>>): unknown {
    const stream = this.#streams.get(params['id'] ?? '') ?? this.#all().find(({ code }) => code === params['code']?.toUpperCase());
    switch (route.id) {
      case 'createGuest':
        return { token: 'guest-token', user: { id: 'guest_0123456789abcdef', kind: 'guest', name: 'Guest', createdAt: new Date().toISOString() } };
      case 'listLive':
        return { items: this.#all().flatMap((one) => (one.status === 'live' && one.visibility === 'public' ? [this.#public(one)] : [])), nextCursor: null };
      case 'listStreams':
        return { items: this.#all(), nextCursor: null };
      case 'getCode':
        return stream && this.#public(stream);
      case 'createStream': {
        const made = { ...newStream(this.#all().length), title: String(body['title']) };
        this.put(made);
        return { ...this.#owned(made), streamKey: KEY };
      }
      case 'rotateStreamKey':
        return stream && { ...this.#owned(stream), streamKey: KEY };
      default:
        return stream && this.#owned(stream);
    }
  }

  #all(): Stream[] {
    return [...this.#streams.values()];
  }

  #owned(stream: Stream) {
    return { stream, ingest: { rtmp: { url: 'rtmp://live.example:1935/live' }, rtmps: { url: 'rtmps://live.example:1936/live' } }, playback: this.#playback(stream) };
  }

  #playback({ id, code }: Stream) {
    return { page: `${this.origin}/w/${code}`, hls: `${this.origin}/hls/${id}/index.m3u8`, dash: `${this.origin}/dash/${id}/manifest.mpd` };
  }

  #public(stream: Stream): PublicStream {
    const { id, code, title, description, visibility, status, viewers, broadcast } = stream;
    return {
      id,
      code,
      title,
      description,
      visibility,
      status,
      viewers,
      startedAt: broadcast?.startedAt ?? null,
      endedAt: broadcast?.endedAt ?? null,
      playback: this.#playback(stream),
    };
  }

  #send(response: ServerResponse, route: Route, body: unknown): void {
    response.statusCode = route.success.status;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(route.success.body?.parse(body)));
  }

  #problem(response: ServerResponse, code: ErrorCode): void {
    const { status, title } = ERRORS[code];
    response.statusCode = status;
    response.setHeader('content-type', 'application/problem+json');
    response.end(JSON.stringify(Problem.parse({ type: `/api/v1/errors#${code}`, title, status, code })));
  }
}

/** A stream that nobody sends to yet. */
export function newStream(index: number): Stream {
  const now = new Date().toISOString();
  const settings = { title: 'Sunday session', description: '', visibility: 'public', start: 'auto', secondPublisher: 'takeover', record: false, ladder: 'off' } as const;
  return { ...settings, id: `stream_0123456789abcd${index}`, code: `K7Q4X${'ABCDEFGH'[index]}`, status: 'idle', broadcast: null, viewers: 0, createdAt: now, updatedAt: now };
}

const KEY = 'mk_Qm4tZ8sWc1Vx0Lr7Yb2Nf5Jk9Hd3Gp6TaEuSiO';

function match(route: Route, method: string, path: string): Readonly<Record<string, string>> | undefined {
  if (method.toLowerCase() !== route.method) return undefined;
  const wanted = route.path.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith('{')) params[part.slice(1, -1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return params;
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
}

function send(response: ServerResponse, file: string): void {
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).pipe(response);
}
