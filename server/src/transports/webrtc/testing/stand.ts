/** For tests: WHIP and WHEP over real HTTP and UDP, with a hub between and gates that know two streams. */
import { createServer, type Server } from 'node:http';
import { WhipIngest } from '../../../ingest/whip/ingest.ts';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/silent-log.ts';
import { OpenApiRecorder } from '../../../lib/testing/openapi-recorder.ts';
import { WhepOutput } from '../../../outputs/whep/output.ts';
import { publishedTracks, type TrackSource } from '../../../outputs/whep/track-source.ts';
import { Hub } from '../../../stream/hub.ts';
import { RecordingSink } from '../../../stream/testing/source.ts';
import type { IceRestarts } from '../ice-restarts.ts';
import type { IceServer } from '../offer-request.ts';
import { OfferRoutes } from '../offer-routes.ts';
import { WebRtcTransport } from '../transport.ts';

export interface StandOptions {
  readonly clock?: Clock;
  readonly secondPublisher?: 'takeover' | 'refuse';
  readonly maxSessions?: number;
  readonly iceServers?: readonly IceServer[];
  /** Where viewers get their tracks; the publisher's own when left out. */
  readonly source?: TrackSource;
  readonly restarts?: IceRestarts;
  /** Of several worlds. */
  readonly recorder?: OpenApiRecorder;
}

export class Stand implements AsyncDisposable {
  readonly hub: Hub;
  readonly transport: WebRtcTransport;
  readonly whip: WhipIngest;
  readonly whep: WhepOutput;
  readonly sinks: RecordingSink[] = [];
  /** Streams of the sessions that are counted as viewers. */
  readonly visits: { readonly streamId: string; beats: number }[] = [];
  /** Streams that may not be watched. */
  readonly refused = new Set(['private']);
  /** Streams that are live on another server. */
  readonly elsewhere = new Set<string>();
  readonly #server: Server;
  readonly #recorder: OpenApiRecorder;
  #origin = '';

  /** Streams `one` and `two` have the keys `key-one` and `key-two`; `private` may not be watched, nor what is added to `refused`. */
  constructor({
    clock = systemClock,
    secondPublisher = 'takeover',
    maxSessions,
    iceServers = [],
    source = publishedTracks,
    restarts,
    recorder = new OpenApiRecorder({ part: 'offers' }),
  }: StandOptions = {}) {
    this.#recorder = recorder;
    let ids = 0;
    const newId = () => `id${++ids}`;
    const log = silentLog;
    this.hub = new Hub({
      clock,
      reconnectGraceMs: 60_000,
      newId,
      listener: { broadcastChanged() {} },
      makeSinks: () => {
        const sink = new RecordingSink();
        this.sinks.push(sink);
        return [sink];
      },
    });
    this.transport = new WebRtcTransport({
      clock,
      log,
      config: { host: '127.0.0.1', port: 0, addresses: [], ...(maxSessions !== undefined && { maxSessions }) },
      ...(restarts && { restarts }),
    });
    this.whip = new WhipIngest({
      hub: this.hub,
      gate: {
        mayConnect: () => true,
        authorise: async ({ key }) => {
          const streamId = key.startsWith('key-') ? key.slice(4) : undefined;
          return streamId ? { allowed: true, streamId, start: 'auto', secondPublisher } : { allowed: false, reason: 'wrong_key', message: 'This stream key is wrong.' };
        },
      },
      transport: this.transport,
      clock,
      log,
    });
    const check = (streamId: string) => (this.refused.has(streamId) ? 'denied' : streamId === 'one' || streamId === 'two' ? 'open' : 'hidden');
    this.whep = new WhepOutput({
      hub: this.hub,
      gate: { check },
      elsewhere: { isLive: async (streamId) => this.elsewhere.has(streamId) },
      transport: this.transport,
      source,
      viewers: { beginSession: (streamId) => this.#beginVisit(streamId) },
      clock,
      log,
    });
    const routes = { clock, log, iceServers: { for: () => iceServers }, newId, remoteAddressOf: () => '192.0.2.1' };
    const whip = new OfferRoutes({ ...routes, name: 'whip', take: (offer) => this.whip.take(offer) });
    const whep = new OfferRoutes({ ...routes, name: 'whep', take: (offer) => this.whep.take(offer) });
    this.#server = createServer((req, res) => {
      const path = req.url?.split('?')[0] ?? '';
      if (whip.handle(req, res, path) === false && whep.handle(req, res, path) === false) res.writeHead(404).end();
    });
  }

  async start(): Promise<this> {
    await this.transport.start();
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.#origin = `http://127.0.0.1:${address.port}`;
    return this;
  }

  /** Every answer must be one that OpenAPI has. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.#origin}${path}`, init);
    await this.#recorder.check(init.method ?? 'GET', path, response);
    return response;
  }

  /** POSTs an offer. */
  post(path: string, sdp: string, key?: string): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: sdp, headers: { 'content-type': 'application/sdp', ...(key !== undefined && { authorization: `Bearer ${key}` }) } });
  }

  #beginVisit(streamId: string) {
    const visit = { streamId, beats: 0 };
    this.visits.push(visit);
    return { beat: () => visit.beats++, end: () => this.visits.splice(this.visits.indexOf(visit), 1) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
