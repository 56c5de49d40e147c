/** `/dash/{id}/manifest.mpd` and `/dash/time`. The segments are those of HLS, at the addresses they have there. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { sendProblem } from '../../lib/problem.ts';
import type { Elsewhere } from '../../stream/elsewhere.ts';
import type { PlaybackGate } from '../../stream/playback-gate.ts';
import { checkPlayback, isMediaMethod, parseMediaRequest } from '../../transports/http/media-request.ts';
import { ASKED_ANEW, PRIVATE_ASKED_ANEW, sendBody } from '../../transports/http/send-body.ts';
import { sendSharedText } from '../../transports/http/shared-text.ts';
import { sendNotLive } from '../cmaf/not-live.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { PackagerRegistry } from '../cmaf/registry.ts';
import { PackagerManifest } from './from-stream.ts';

/** How long the first request is held of a broadcast whose pictures a bridge has to convert first. */
const MAX_START_WAIT_MS = 5000;

export interface DashRoutesDeps {
  readonly registry: PackagerRegistry;
  readonly gate: PlaybackGate;
  readonly elsewhere: Elsewhere;
  readonly clock: Clock;
}

export class DashRoutes {
  readonly counters = { responses: 0, bytes: 0 };
  readonly #deps: DashRoutesDeps;
  readonly #manifests = new WeakMap<Packager, PackagerManifest>();

  constructor(deps: DashRoutesDeps) {
    this.#deps = deps;
  }

  /** @param path without the query. False: not an address of this route. */
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean> {
    if (!path.startsWith('/dash/')) return false;
    this.counters.responses++;
    // As an id would have it: `/dash/time/` parses, `/dash/time` is the clock.
    if (path === '/dash/time') {
      if (isMediaMethod(req, res)) this.#sendTime(req, res);
      return true;
    }
    const request = parseMediaRequest(req, res, path);
    if (!request) return true;
    const checked = checkPlayback(this.#deps.gate, req, res, request, (admitted) => {
      if (request.rest.length !== 1 || request.rest[0] !== 'manifest.mpd') {
        sendProblem(res, 'not_found');
        return;
      }
      this.#whenPlaying(res, request.streamId, (packager) => {
        const text = packager && this.#manifestOf(packager).shared({ streamId: request.streamId, query: admitted.carried, now: this.#deps.clock.now() });
        const cacheControl = request.personal ? PRIVATE_ASKED_ANEW : ASKED_ANEW;
        if (!text) void sendNotLive(res, request.streamId, this.#deps.elsewhere);
        else this.counters.bytes += sendSharedText(req, res, text, { contentType: 'application/dash+xml', cacheControl });
      });
    });
    return checked ? checked.then(() => true) : true;
  }

  /** Calls with the packager once there is something to play, or when that takes too long. */
  #whenPlaying(res: ServerResponse, streamId: string, serve: (packager: Packager | undefined) => void): void {
    const { registry, clock } = this.#deps;
    const packager = registry.get(streamId);
    if (!packager || packager.ready || packager.ended) {
      serve(packager);
      return;
    }
    let open = true;
    const settle = (then?: () => void): void => {
      if (!open) return;
      open = false;
      timer.cancel();
      stopWaiting();
      res.off('close', hungUp);
      then?.();
    };
    const hungUp = (): void => settle();
    const timer = clock.after(MAX_START_WAIT_MS, () => settle(() => serve(packager)));
    const stopWaiting = packager.whenReady(() => settle(() => serve(packager)));
    res.once('close', hungUp);
  }

  #manifestOf(packager: Packager): PackagerManifest {
    const existing = this.#manifests.get(packager);
    // Without a leading rendition nothing has begun, and the frame rate is not known.
    if (existing || !packager.leading) return existing ?? new PackagerManifest(packager);
    const made = new PackagerManifest(packager);
    this.#manifests.set(packager, made);
    return made;
  }

  #sendTime(req: IncomingMessage, res: ServerResponse): void {
    const body = Buffer.from(new Date(this.#deps.clock.now()).toISOString());
    this.counters.bytes += sendBody(req, res, { pieces: [body], size: body.length, contentType: 'text/plain', cacheControl: 'no-store' });
  }
}
