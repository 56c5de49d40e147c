/** `/hls/{id}/…`: playlists and media of running broadcasts, blocking where LL-HLS says so. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { sendProblem } from '../../lib/problem.ts';
import type { Elsewhere } from '../../stream/elsewhere.ts';
import type { PlaybackGate } from '../../stream/playback-gate.ts';
import { checkPlayback, type MediaRequest, parseMediaRequest } from '../../transports/http/media-request.ts';
import { ASKED_ANEW, IMMUTABLE, PRIVATE_ASKED_ANEW, PRIVATE_IMMUTABLE, sendBody } from '../../transports/http/send-body.ts';
import { sendStored } from '../../transports/http/send-stored.ts';
import { SharedText, sendSharedText } from '../../transports/http/shared-text.ts';
import type { StoredMedia } from '../cmaf/listed-segment.ts';
import { parseMediaFile } from '../cmaf/media-path.ts';
import { sendNotLive } from '../cmaf/not-live.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { PackagerRegistry } from '../cmaf/registry.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import { multivariantText, PlaylistTexts } from './from-stream.ts';
import { type OpenSegmentCounters, sendOpenSegment } from './open-segment.ts';
import { isTooFarAhead, parseReloadQuery, type ReloadQuery } from './reload-query.ts';

/** How long the first request of a broadcast that is about to begin is held: a bridge of its pictures has to start. */
const MAX_START_WAIT_MS = 5000;

/** How long the first playlist of a tier is held until there is something in it: an encoder has to start, and the next segment to begin. */
const MAX_TIER_WAIT_MS = 4000;

/** rfc8216bis §6.2.5.2: a reload blocked longer than this many target durations is answered 503. */
const MAX_BLOCK_TARGETS = 3;

/** A blocking reload names the moment it asks for, so its answer holds for a while. */
const BLOCKING_MAX_AGE_SECONDS = 6;

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

const NO_DIRECTIVES: ReloadQuery = { msn: undefined, part: undefined, skip: false };

export interface HlsRoutesDeps {
  readonly registry: PackagerRegistry;
  readonly gate: PlaybackGate;
  readonly elsewhere: Elsewhere;
  readonly clock: Clock;
}

export interface HlsCounters extends OpenSegmentCounters {
  responses: number;
  /** Requests that wait now. */
  blocked: number;
}

/** One request on its way, so that it need not be passed in five pieces. */
interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly request: MediaRequest;
}

export class HlsRoutes {
  readonly counters: HlsCounters = { responses: 0, bytes: 0, blocked: 0, open: 0, cut: 0 };
  readonly #deps: HlsRoutesDeps;
  readonly #texts = new PlaylistTexts();

  constructor(deps: HlsRoutesDeps) {
    this.#deps = deps;
  }

  /** @param path without the query. False: not an address of this route. */
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean> {
    if (!path.startsWith('/hls/')) return false;
    this.counters.responses++;
    const request = parseMediaRequest(req, res, path);
    if (!request) return true;
    const checked = checkPlayback(this.#deps.gate, req, res, request, (admitted) => this.#serve({ req, res, request: admitted }));
    return checked ? checked.then(() => true) : true;
  }

  #serve(exchange: Exchange): void {
    const { res, request } = exchange;
    const [first, second] = request.rest;
    if (request.rest.length === 1 && first === 'index.m3u8') {
      this.#whenPlaying(exchange, (packager) => this.#sendText(exchange, new SharedText(multivariantText(packager, request.carried))));
    } else if (request.rest.length === 2 && first !== undefined && second === 'index.m3u8') {
      this.#whenPlaying(exchange, (packager) => this.#servePlaylist(exchange, packager, first));
    } else if (request.rest.length === 2 && first !== undefined && second !== undefined) {
      this.#serveFile(exchange, first, second);
    } else sendProblem(res, 'not_found');
  }

  /** Calls with the packager once it has something to play; a stream that does not begin soon is not live. */
  #whenPlaying(exchange: Exchange, serve: (packager: Packager) => void): void {
    const { registry, elsewhere } = this.#deps;
    const { streamId } = exchange.request;
    const packager = registry.get(streamId);
    if (packager?.ready) {
      serve(packager);
      return;
    }
    const notLive = (): void => void sendNotLive(exchange.res, streamId, elsewhere);
    if (packager?.ended) {
      notLive();
      return;
    }
    const wait = (ready: () => void): (() => void) => (packager ? packager.whenReady(ready) : registry.whenSet(streamId, ready));
    this.#block(exchange, MAX_START_WAIT_MS, { wait, ready: () => this.#whenPlaying(exchange, serve), late: notLive });
  }

  #servePlaylist(exchange: Exchange, packager: Packager, name: string): void {
    const { res } = exchange;
    const rendition = packager.rendition(name);
    if (!rendition) {
      sendProblem(res, 'media_not_found');
      return;
    }
    if (rendition.tier && rendition.isSilent && rendition.offered && !rendition.ended) {
      const serve = (): void => this.#sendPlaylist(exchange, packager, rendition);
      this.#block(exchange, MAX_TIER_WAIT_MS, { wait: (ready) => whenBegun(rendition, ready), ready: serve, late: serve });
      return;
    }
    this.#sendPlaylist(exchange, packager, rendition);
  }

  #sendPlaylist(exchange: Exchange, packager: Packager, rendition: Rendition): void {
    const { res, request } = exchange;
    // rfc8216bis §6.2.5: directives mean nothing once there is an EXT-X-ENDLIST.
    const reload = rendition.ended ? NO_DIRECTIVES : parseReloadQuery(request.query);
    if (!reload) {
      sendProblem(res, 'invalid_request', { detail: '_HLS_msn and _HLS_part must be whole numbers, a part needs its segment, and _HLS_skip is YES or v2.' });
      return;
    }
    const { msn, part } = reload;
    const send = (): void => {
      const text = this.#texts.media(packager, rendition, request.carried, reload.skip && !rendition.ended);
      const scope = request.personal ? 'private' : 'public';
      this.#sendText(exchange, text, msn === undefined || rendition.ended ? undefined : `${scope}, max-age=${BLOCKING_MAX_AGE_SECONDS}`);
    };
    if (msn === undefined) {
      send();
      return;
    }
    const { lastMsn, lastPart } = rendition.report;
    if (isTooFarAhead(reload, { lastMsn, lastPart, partTargetSeconds: rendition.header.partTargetSeconds })) {
      sendProblem(res, 'invalid_request', { detail: `Segment ${msn}${part === undefined ? '' : ` part ${part}`} is too far ahead of segment ${lastMsn} part ${lastPart ?? 0}.` });
      return;
    }
    if (rendition.has(msn, part)) send();
    else this.#blockOn(exchange, rendition, msn, part, send);
  }

  #serveFile(exchange: Exchange, name: string, fileName: string): void {
    const { res, request } = exchange;
    const packager = this.#deps.registry.get(request.streamId);
    const rendition = packager?.rendition(name);
    const file = packager && parseMediaFile(fileName, packager.epoch);
    if (!rendition || !file) {
      sendProblem(res, 'media_not_found');
      return;
    }
    const contentType = rendition.track?.kind === 'audio' ? 'audio/mp4' : 'video/mp4';
    if (file.type === 'init') {
      const init = rendition.findInit(file.number);
      this.#sendPieces(exchange, init && [init], contentType);
    } else if (file.type === 'segment') {
      this.#serveSegment(exchange, { packager, rendition, msn: file.msn }, contentType);
    } else {
      const { msn, part } = file;
      const send = (): void => {
        const lookup = rendition.findPart(msn, part);
        this.#sendPieces(exchange, lookup.found === 'yes' ? [lookup.part.body] : undefined, contentType);
      };
      if (rendition.findPart(msn, part).found === 'later') this.#blockOn(exchange, rendition, msn, part, send);
      else send();
    }
  }

  /** A complete segment whole; the open one as it is made. The one that comes next is held until it begins, as a hinted part is. */
  #serveSegment(exchange: Exchange, wanted: { readonly packager: Packager; readonly rendition: Rendition; readonly msn: number }, contentType: string): void {
    const { packager, rendition, msn } = wanted;
    const segment = rendition.findSegment(msn);
    const stored = segment ? undefined : packager.past?.media(rendition.name, msn);
    if (segment?.complete) this.#sendPieces(exchange, segment.bodies, contentType);
    else if (segment && segment.parts.length > 0) sendOpenSegment({ ...exchange, rendition, segment, contentType, clock: this.#deps.clock, counters: this.counters });
    else if (stored) this.#sendStored(exchange, stored, contentType);
    else if (rendition.ended || msn < rendition.open.msn || msn > rendition.open.msn + 1) sendProblem(exchange.res, 'media_not_found');
    else {
      const { discontinuitySequence } = rendition.open;
      // After a discontinuity the number stands for something else than what the player asked for.
      const isContinued = (): boolean => rendition.findSegment(msn)?.discontinuitySequence === discontinuitySequence;
      this.#blockOn(exchange, rendition, msn, 0, () => {
        if (isContinued()) this.#serveSegment(exchange, wanted, contentType);
        else sendProblem(exchange.res, 'media_not_found');
      });
    }
  }

  #blockOn(exchange: Exchange, rendition: Rendition, msn: number, part: number | undefined, ready: () => void): void {
    const late = (): void => sendProblem(exchange.res, 'overloaded', { detail: 'The part did not come in time.', retryAfterSeconds: 1 });
    this.#block(exchange, MAX_BLOCK_TARGETS * rendition.header.targetSeconds * 1000, { wait: (call) => rendition.wait(msn, part, call), ready, late });
  }

  /** Holds a request until `wait` calls back, the time is up or the player hangs up, whichever comes first. */
  #block({ res }: Exchange, timeoutMs: number, { wait, ready, late }: { wait: (call: () => void) => () => void; ready: () => void; late: () => void }): void {
    let open = true;
    const settle = (then?: () => void): void => {
      if (!open) return;
      open = false;
      this.counters.blocked--;
      timer.cancel();
      stopWaiting();
      res.off('close', hungUp);
      then?.();
    };
    const hungUp = (): void => settle();
    this.counters.blocked++;
    const timer = this.#deps.clock.after(timeoutMs, () => settle(late));
    const stopWaiting = wait(() => settle(ready));
    res.once('close', hungUp);
  }

  #sendPieces({ req, res, request }: Exchange, pieces: readonly Uint8Array[] | undefined, contentType: string): void {
    if (!pieces) {
      sendProblem(res, 'media_not_found');
      return;
    }
    let size = 0;
    for (const piece of pieces) size += piece.length;
    this.counters.bytes += sendBody(req, res, { pieces, size, contentType, cacheControl: request.personal ? PRIVATE_IMMUTABLE : IMMUTABLE });
  }

  #sendStored({ req, res, request }: Exchange, { path, offset, bytes }: StoredMedia, contentType: string): void {
    const cacheControl = request.personal ? PRIVATE_IMMUTABLE : IMMUTABLE;
    void sendStored(req, res, { extents: [{ path, offset, bytes }], size: bytes, contentType, cacheControl, clock: this.#deps.clock, counters: this.counters });
  }

  #sendText({ req, res, request }: Exchange, text: SharedText, cacheControl = request.personal ? PRIVATE_ASKED_ANEW : ASKED_ANEW): void {
    this.counters.bytes += sendSharedText(req, res, text, { contentType: PLAYLIST_TYPE, cacheControl });
  }
}

/** Calls once when there is a part of it, or nothing will come. Returns how to stop waiting. */
function whenBegun(rendition: Rendition, ready: () => void): () => void {
  const again = (): void => {
    if (rendition.ended || !rendition.isSilent) ready();
    else stop = rendition.wait(rendition.open.msn, 0, again);
  };
  let stop = rendition.wait(rendition.open.msn, 0, again);
  return () => stop();
}
