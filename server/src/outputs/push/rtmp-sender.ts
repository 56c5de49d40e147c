/** Carries units to an RTMP server, over TCP or TLS. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { amfObject } from '@millrace/media/amf/value';
import { audioTag, configTag, flvCarries, flvCodecId, videoTag } from '@millrace/media/flv/write-tag';
import { PublishClient } from '@millrace/media/rtmp/publish-client';
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { PublicAddresses } from '../../lib/public-address.ts';
import { explained } from './explained.ts';
import { type OpeningSender, type OpenRequest, publicAddressOf, type Sender, type SenderKind, whenOpen } from './sender.ts';
import { type PushTarget, TargetFailed } from './target.ts';

/** From the first packet to the accepted publish. */
const OPEN_TIMEOUT_MS = 15_000;

/** A service that takes nothing for so long has lost its network. */
const STALL_TIMEOUT_MS = 15_000;

/** What waits in the socket before units wait in the queue: a second of a good picture. */
const HIGH_WATER_BYTES = 1024 * 1024;

const GOODBYE_MS = 1_000;

const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443, srt: 0 } as const;

export interface RtmpSenderDeps {
  readonly addresses: Pick<PublicAddresses, 'resolvePublic' | 'lookup'>;
  readonly clock: Clock;
  /** Certificates to trust besides those of the system. */
  readonly ca?: string;
}

/** RTMP and RTMPS as a kind of sender. */
export function rtmpSenders(deps: RtmpSenderDeps): SenderKind {
  return { carries: flvCarries, open: (request) => open(request, deps) };
}

async function open({ target, tracks, signal }: OpenRequest, deps: RtmpSenderDeps): Promise<Sender> {
  await publicAddressOf(target, signal, deps.addresses);
  return whenOpen(new RtmpSender(target, tracks, deps), signal);
}

class RtmpSender implements OpeningSender {
  readonly opened: Promise<undefined>;
  readonly closed: Promise<Error | undefined>;
  readonly #deps: RtmpSenderDeps;
  readonly #target: PushTarget;
  readonly #tracks: ReadonlyMap<number, Track>;
  readonly #socket: Socket;
  readonly #client: PublishClient;
  readonly #opening = Promise.withResolvers<undefined>();
  readonly #closing = Promise.withResolvers<Error | undefined>();
  readonly #deadline: Timer;
  /** The zero of what is sent. */
  #beginSeconds: number | undefined;
  #isClosed = false;

  constructor(target: PushTarget, tracks: readonly Track[], deps: RtmpSenderDeps) {
    this.#deps = deps;
    this.#target = target;
    this.#tracks = new Map(tracks.map((track) => [track.id, track]));
    this.opened = this.#opening.promise;
    this.closed = this.#closing.promise;
    const { host, port, protocol, app, key } = target;
    const shownPort = port === DEFAULT_PORTS[protocol] ? '' : `:${port}`;
    const tcUrl = `${protocol}://${isIP(host) === 6 ? `[${host}]` : host}${shownPort}/${app}`;
    this.#client = new PublishClient({ tcUrl, app, key, randomBytes });
    const where = { host, port, lookup: deps.addresses.lookup, highWaterMark: HIGH_WATER_BYTES };
    const isTls = protocol === 'rtmps';
    this.#socket = isTls ? connectTls({ ...where, ...(isIP(host) === 0 && { servername: host }), ...(deps.ca !== undefined && { ca: deps.ca }) }) : connectTcp(where);
    this.#socket.setNoDelay(true);
    this.#socket.once(isTls ? 'secureConnect' : 'connect', () => this.#socket.write(this.#client.hello()));
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#socket.on('error', (error) => this.abort(explained(error, target)));
    this.#socket.on('close', () => this.abort(new TargetFailed('The service closed the connection.')));
    this.#deadline = deps.clock.after(OPEN_TIMEOUT_MS, () => this.abort(new TargetFailed(`The service did not answer within ${OPEN_TIMEOUT_MS / 1000} s.`)));
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  send(unit: Unit): Promise<void> | undefined {
    const track = this.#tracks.get(unit.track);
    if (!track || this.#isClosed) return undefined;
    this.#beginSeconds ??= unit.dts / track.timescale;
    const begin = Math.round(this.#beginSeconds * 1000);
    const dtsMs = rescale(unit.dts, track.timescale, 1000) - begin;
    const ptsMs = rescale(unit.pts, track.timescale, 1000) - begin;
    // What comes late from another track may lie before the first.
    const payload = track.kind === 'video' ? videoTag(track, unit, ptsMs - dtsMs) : audioTag(track, unit.data);
    const hasRoom = this.#socket.write(this.#client.media(track.kind, Math.max(0, dtsMs), payload));
    return hasRoom ? undefined : this.#drained();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#settle(undefined);
    this.#socket.end(this.#client.isPublishing ? this.#client.goodbye() : new Uint8Array(0));
    const timer = this.#deps.clock.after(GOODBYE_MS, () => this.#socket.destroy());
    if (!this.#socket.closed) await once(this.#socket, 'close').catch(() => {});
    timer.cancel();
  }

  abort(error: Error): void {
    if (this.#isClosed) return;
    this.#settle(error);
    this.#socket.destroy();
  }

  #read(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const wasPublishing = this.#client.isPublishing;
    try {
      const reply = this.#client.read(bytes);
      // Whoever takes no answers asks no more.
      if (reply.length > 0 && !this.#socket.write(reply)) this.#socket.pause().once('drain', () => this.#socket.resume());
    } catch (error) {
      this.abort(explained(error, this.#target));
      return;
    }
    if (!wasPublishing && this.#client.isPublishing) this.#begin();
  }

  #begin(): void {
    this.#deadline.cancel();
    const tracks = [...this.#tracks.values()];
    this.#socket.write(this.#client.metadata(metadataOf(tracks)));
    for (const track of tracks) {
      const config = configTag(track);
      if (config) this.#socket.write(this.#client.media(track.kind, 0, config));
    }
    this.#opening.resolve(undefined);
  }

  async #drained(): Promise<void> {
    const timer = this.#deps.clock.after(STALL_TIMEOUT_MS, () => this.abort(new TargetFailed(`The service has taken nothing for ${STALL_TIMEOUT_MS / 1000} s.`)));
    const drained = Promise.withResolvers<void>();
    this.#socket.once('drain', drained.resolve);
    await Promise.race([drained.promise, this.closed]);
    this.#socket.off('drain', drained.resolve);
    timer.cancel();
  }

  #settle(result: Error | undefined): void {
    this.#isClosed = true;
    this.#deadline.cancel();
    this.#closing.resolve(result);
  }
}

function metadataOf(tracks: readonly Track[]) {
  const entries: Record<string, string | number | boolean> = { encoder: 'Millrace' };
  for (const track of tracks) {
    if (track.kind === 'video') Object.assign(entries, { videocodecid: flvCodecId(track), ...(track.width > 0 && { width: track.width, height: track.height }) });
    else Object.assign(entries, { audiocodecid: flvCodecId(track), audiosamplerate: track.sampleRate, audiosamplesize: 16, stereo: track.channels > 1 });
  }
  return amfObject(entries);
}
