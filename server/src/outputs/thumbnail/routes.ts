/** `/hls/{id}/poster.jpg`, `storyboard.vtt` and the sheets it names: pictures of running broadcasts. To look at them wakes nothing. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { sendProblem } from '../../lib/problem.ts';
import type { PlaybackGate } from '../../stream/playback-gate.ts';
import { checkPlayback, type MediaRequest, parseMediaRequest } from '../../transports/http/media-request.ts';
import { ASKED_ANEW, CORS_HEADERS, IMMUTABLE, PRIVATE_ASKED_ANEW, PRIVATE_IMMUTABLE, sendBody } from '../../transports/http/send-body.ts';
import { sendText } from '../../transports/http/send-text.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { PackagerRegistry } from '../cmaf/registry.ts';
import { parseSheetName, writeStoryboard } from './cues.ts';
import type { Thumbnailer } from './thumbnailer.ts';

const ADDRESS = /^\/hls\/[^/]+\/(?:poster\.jpg|storyboard\.vtt|sprite-[^/]+\.jpg)$/;

const JPEG = 'image/jpeg';

export interface PictureRoutesDeps {
  readonly thumbnailer: Thumbnailer;
  readonly registry: Pick<PackagerRegistry, 'peek'>;
  /** Of the broadcasts themselves, but one that does not have a source fetched. */
  readonly gate: PlaybackGate;
  readonly clock: Clock;
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly request: MediaRequest;
}

export class PictureRoutes {
  readonly counters = { bytes: 0 };
  readonly #deps: PictureRoutesDeps;

  constructor(deps: PictureRoutesDeps) {
    this.#deps = deps;
  }

  /** @param path without the query. False: not an address of this route. */
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean> {
    if (!ADDRESS.test(path)) return false;
    const request = parseMediaRequest(req, res, path);
    if (!request) return true;
    const checked = checkPlayback(this.#deps.gate, req, res, request, (admitted) => this.#serve({ req, res, request: admitted }));
    return checked ? checked.then(() => true) : true;
  }

  async #serve(exchange: Exchange): Promise<void> {
    const [file = ''] = exchange.request.rest;
    if (file === 'poster.jpg') this.#servePoster(exchange);
    else if (file === 'storyboard.vtt') await this.#serveStoryboard(exchange);
    else await this.#serveSheet(exchange, file);
  }

  #servePoster({ req, res, request }: Exchange): void {
    const poster = this.#deps.thumbnailer.find(request.streamId)?.pictures.poster;
    if (!poster) {
      sendProblem(res, 'picture_not_found', { retryAfterSeconds: 2 });
      return;
    }
    const headers = { ETag: `"${poster.version}"` };
    const cacheControl = request.personal ? PRIVATE_ASKED_ANEW : ASKED_ANEW;
    if (req.headers['if-none-match'] === headers.ETag) {
      res.writeHead(304, { ...CORS_HEADERS, ...headers, 'Cache-Control': cacheControl });
      res.end();
      return;
    }
    this.counters.bytes += sendBody(req, res, { pieces: [poster.jpeg], size: poster.jpeg.length, contentType: JPEG, cacheControl, headers });
  }

  async #serveStoryboard({ req, res, request }: Exchange): Promise<void> {
    const { thumbnailer, registry, clock } = this.#deps;
    const found = thumbnailer.find(request.streamId);
    const packager = registry.peek(request.streamId);
    const since = packager && windowStart(packager);
    const tiles = found?.pictures.storyboard.tiles ?? [];
    if (!found || since === undefined || tiles.length === 0) {
      sendProblem(res, 'picture_not_found', { retryAfterSeconds: 2 });
      return;
    }
    // What is shown where players can first go back to is the picture before that.
    const start = tiles.findLast(({ seconds }) => seconds <= since)?.seconds ?? since;
    const end = (clock.now() - found.createdAt) / 1000;
    const { epoch } = found.pictures.storyboard;
    const text = writeStoryboard({ epoch, tiles, stretches: [{ start, end, shownAt: start }], query: request.carried, zeroAt: found.createdAt });
    await sendText(req, res, { text, contentType: 'text/vtt', personal: request.personal, counters: this.counters });
  }

  async #serveSheet({ req, res, request }: Exchange, file: string): Promise<void> {
    const name = parseSheetName(file);
    const storyboard = this.#deps.thumbnailer.find(request.streamId)?.pictures.storyboard;
    const sheet = name && storyboard?.epoch === name.epoch ? storyboard.find(name.sheet) : undefined;
    if (!name || !sheet || name.count > sheet.tiles.length) {
      sendProblem(res, 'picture_not_found');
      return;
    }
    // A file may be gone since: the window has moved on.
    const image = typeof sheet.image === 'string' ? await readFile(sheet.image).catch(() => undefined) : sheet.image;
    const cacheControl = request.personal ? PRIVATE_IMMUTABLE : IMMUTABLE;
    if (image) this.counters.bytes += sendBody(req, res, { pieces: [image], size: image.length, contentType: JPEG, cacheControl });
    else sendProblem(res, 'picture_not_found');
  }
}

/** The first moment that players can load, seconds on the broadcast's timeline. */
function windowStart(packager: Packager): number | undefined {
  const first = packager.leading && packager.listed(packager.leading).find(({ gap, startTicks }) => !gap && startTicks !== undefined);
  return first?.startTicks === undefined ? undefined : first.startTicks / first.timescale;
}
