/** `/vod/{id}/…`: recordings as HLS and DASH, their segments straight from where they lie, and the whole as one file. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '@millrace/contract/errors';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { sendProblem } from '../../lib/problem.ts';
import type { Progress } from '../../lib/progress.ts';
import { Recent } from '../../lib/recent.ts';
import type { StoredFiles } from '../../lib/stored-files.ts';
import type { PlaybackGate } from '../../stream/playback-gate.ts';
import { checkPlayback, type MediaRequest, parseMediaRequest } from '../../transports/http/media-request.ts';
import { ASKED_ANEW, IMMUTABLE, PRIVATE_ASKED_ANEW, PRIVATE_IMMUTABLE, sendBody } from '../../transports/http/send-body.ts';
import { sendStored } from '../../transports/http/send-stored.ts';
import { sendText } from '../../transports/http/send-text.ts';
import { parseMediaFile } from '../cmaf/media-path.ts';
import { parseSheetName } from '../thumbnail/cues.ts';
import { initPath } from './archive-folder.ts';
import { attachmentHeader, type Download, openDownload } from './download.ts';
import { type HeldDownload, OpenDownloads } from './open-downloads.ts';
import { readArchive, type StoredArchive } from './read-archive.ts';
import { posterPath, sheetPath } from './stored-pictures.ts';
import { vodManifest, vodMedia, vodMultivariant, vodStoryboard } from './vod-playlists.ts';

export interface VodRoutesDeps {
  readonly gate: PlaybackGate;
  readonly clock: Clock;
  readonly log: Log;
  /** The title of a recording, or why it cannot be played. */
  lookUp(id: string): Promise<{ readonly title: string } | { readonly problem: ErrorCode }>;
  filesOf(id: string): StoredFiles;
  /** A download is made ready, which may take long. */
  beginDownload(id: string): Progress;
}

/** An index of two hours takes some 3 MB. */
const OPEN_ARCHIVES = { maxEntries: 32, maxAgeMs: 5 * 60_000 } as const;

/** Somebody's download is over by then. */
const BUSY_SECONDS = 30;

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly request: MediaRequest;
  readonly title: string;
}

export class VodRoutes {
  readonly counters = { responses: 0, bytes: 0 };
  readonly #deps: VodRoutesDeps;
  readonly #archives: Recent<Promise<StoredArchive>>;
  readonly #downloads: OpenDownloads;

  constructor(deps: VodRoutesDeps) {
    this.#deps = deps;
    this.#archives = new Recent(OPEN_ARCHIVES, deps.clock);
    this.#downloads = new OpenDownloads(deps.clock);
  }

  /** @param path without the query. False: not an address of this route. */
  handle(req: IncomingMessage, res: ServerResponse, path: string): boolean | Promise<boolean> {
    if (!path.startsWith('/vod/')) return false;
    this.counters.responses++;
    const request = parseMediaRequest(req, res, path);
    if (!request) return true;
    const checked = checkPlayback(this.#deps.gate, req, res, request, (admitted) => this.#answer(req, res, admitted));
    return checked ? checked.then(() => true) : true;
  }

  /** Resolves when the download of a recording that can be played begins at once. Rejects with AppError. */
  async prepareDownload(id: string): Promise<void> {
    const archive = await this.#archiveOf(id);
    if (archive instanceof AppError || !archive) throw archive ?? new AppError('media_not_found');
    using held = this.#holdDownload(id, archive);
    if (!held) throw new AppError('overloaded', { retryAfterSeconds: BUSY_SECONDS });
    const download = await this.#tried(id, () => held.open());
    if (download instanceof AppError || !download) throw download ?? new AppError('media_not_found');
  }

  /** The files of a recording are gone. */
  forget(id: string): void {
    this.#archives.forget((_, key) => key === id);
    this.#downloads.forget(id);
  }

  async #answer(req: IncomingMessage, res: ServerResponse, request: MediaRequest): Promise<void> {
    const found = await this.#deps.lookUp(request.streamId);
    if ('problem' in found) sendProblem(res, found.problem);
    else await this.#serve({ req, res, request, title: found.title });
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { res, request } = exchange;
    const archive = await this.#archiveOf(request.streamId);
    if (archive instanceof AppError || !archive) {
      sendProblem(res, archive?.code ?? 'media_not_found');
      return;
    }
    const [first = '', second] = request.rest;
    if (request.rest.length === 1) await this.#serveWhole(exchange, archive, first);
    else if (request.rest.length === 2 && second === 'index.m3u8') await this.#sendText(exchange, vodMedia(archive, first, request.carried), PLAYLIST_TYPE);
    else if (request.rest.length === 2 && second !== undefined) await this.#serveFile(exchange, archive, { name: first, file: second });
    else sendProblem(res, 'not_found');
  }

  async #serveWhole(exchange: Exchange, archive: StoredArchive, file: string): Promise<void> {
    const { carried } = exchange.request;
    if (file === 'index.m3u8') await this.#sendText(exchange, vodMultivariant(archive, carried), PLAYLIST_TYPE);
    else if (file === 'download.mp4') await this.#serveDownload(exchange, archive);
    else if (file === 'storyboard.vtt') await this.#sendText(exchange, vodStoryboard(archive, carried), 'text/vtt');
    else if (file === 'poster.jpg') await this.#sendPicture(exchange, archive, archive.hasPoster ? posterPath('') : undefined);
    else if (parseSheetName(file)) await this.#serveSheet(exchange, archive, file);
    else if (file === 'manifest.mpd') await this.#sendText(exchange, vodManifest(archive, carried), 'application/dash+xml');
    else sendProblem(exchange.res, 'not_found');
  }

  async #serveSheet(exchange: Exchange, archive: StoredArchive, file: string): Promise<void> {
    const name = parseSheetName(file);
    const isThere = name?.epoch === archive.about.epoch && archive.tiles.some(({ sheet }) => sheet === name.sheet);
    await this.#sendPicture(exchange, archive, name && isThere ? sheetPath('', name.sheet) : undefined);
  }

  /** Nothing is added to a recording, and its id is never used again. */
  async #sendPicture({ req, res, request }: Exchange, { files }: StoredArchive, path: string | undefined): Promise<void> {
    const image = path === undefined ? undefined : await this.#tried(request.streamId, () => files.read(path));
    const cacheControl = request.personal ? PRIVATE_IMMUTABLE : IMMUTABLE;
    if (image instanceof AppError) sendProblem(res, image.code);
    else if (image) this.counters.bytes += sendBody(req, res, { pieces: [image], size: image.length, contentType: 'image/jpeg', cacheControl });
    else sendProblem(res, 'picture_not_found');
  }

  async #serveDownload({ req, res, request, title }: Exchange, archive: StoredArchive): Promise<void> {
    using held = this.#holdDownload(request.streamId, archive);
    if (!held) {
      sendProblem(res, 'overloaded', { retryAfterSeconds: BUSY_SECONDS });
      return;
    }
    const download = await this.#tried(request.streamId, () => held.open());
    if (download instanceof AppError || !download) {
      sendProblem(res, download?.code ?? 'media_not_found');
      return;
    }
    const headers = { 'Content-Disposition': attachmentHeader(title) };
    const cacheControl = request.personal ? PRIVATE_ASKED_ANEW : ASKED_ANEW;
    await sendStored(req, res, {
      ...download,
      reader: archive.files.reader(),
      headers,
      contentType: 'video/mp4',
      cacheControl,
      clock: this.#deps.clock,
      counters: this.counters,
    });
  }

  async #serveFile({ req, res, request }: Exchange, archive: StoredArchive, { name, file: fileName }: { readonly name: string; readonly file: string }): Promise<void> {
    const rendition = archive.renditions.find((each) => each.name === name);
    const file = parseMediaFile(fileName, archive.about.epoch);
    const contentType = name.startsWith('audio') ? 'audio/mp4' : 'video/mp4';
    const cacheControl = request.personal ? PRIVATE_IMMUTABLE : IMMUTABLE;
    if (rendition && file?.type === 'init' && rendition.formats.has(file.number)) {
      const init = await this.#tried(request.streamId, () => archive.files.read(initPath('', name, file.number)));
      if (init instanceof AppError) sendProblem(res, init.code);
      else if (init) this.counters.bytes += sendBody(req, res, { pieces: [init], size: init.length, contentType, cacheControl });
      else sendProblem(res, 'media_not_found');
      return;
    }
    const segment = rendition && file?.type === 'segment' ? rendition.segments[file.msn - (rendition.segments[0]?.msn ?? 0)] : undefined;
    const { media } = segment ?? {};
    if (!media) sendProblem(res, 'media_not_found');
    else {
      const { clock } = this.#deps;
      await sendStored(req, res, { extents: [media], size: media.bytes, reader: archive.files.reader(), contentType, cacheControl, clock, counters: this.counters });
    }
  }

  #archiveOf(id: string): Promise<StoredArchive | AppError | undefined> {
    return this.#kept(this.#archives, id, () => readArchive(this.#deps.filesOf(id)));
  }

  /** Undefined: as many are made or sent as there may be. */
  #holdDownload(id: string, archive: StoredArchive): HeldDownload | undefined {
    const held = this.#downloads.hold(id, () => this.#makeDownload(id, archive));
    if (!held) this.#deps.log.warn({ recordingId: id }, 'a download is refused: as many run as there may');
    return held;
  }

  async #makeDownload(id: string, archive: StoredArchive): Promise<Download | undefined> {
    const progress = this.#deps.beginDownload(id);
    try {
      return await openDownload(archive, progress);
    } finally {
      progress.end();
    }
  }

  /** What was read lately, else read now; undefined when the files cannot be read, an error when they cannot be read now. */
  #kept<Value>(kept: Recent<Promise<Value>>, id: string, read: () => Promise<Value>): Promise<Value | AppError | undefined> {
    return this.#tried(id, () => {
      const known = kept.get(id);
      if (known) return known;
      const reading = read();
      kept.set(id, reading);
      return reading;
    });
  }

  async #tried<Value>(id: string, read: () => Promise<Value>): Promise<Value | AppError | undefined> {
    try {
      return await read();
    } catch (error) {
      this.forget(id);
      // Whoever fetches from elsewhere says in the log that it cannot be reached.
      if (error instanceof AppError) return error;
      this.#deps.log.error({ err: error, recordingId: id }, 'the files of a recording cannot be read');
      return undefined;
    }
  }

  async #sendText({ req, res, request }: Exchange, text: string | undefined, contentType: string): Promise<void> {
    if (text === undefined) {
      sendProblem(res, 'media_not_found');
      return;
    }
    await sendText(req, res, { text, contentType, personal: request.personal, counters: this.counters });
  }
}
