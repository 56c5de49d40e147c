/** WHEP: takes a viewer's offer for a running broadcast. Authorise, negotiate, open; the session pumps. */
import { randomBytes } from 'node:crypto';
import { parseDescription } from '@millrace/media/sdp/parse-description';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Elsewhere } from '../../stream/elsewhere.ts';
import type { Hub } from '../../stream/hub.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import { isRefusal, type PlaybackGate } from '../../stream/playback-gate.ts';
import { writeAnswer } from '../../transports/webrtc/answer.ts';
import type { LayerChoice } from '../../transports/webrtc/layer-requests.ts';
import type { Offer, OfferedSession } from '../../transports/webrtc/offer-routes.ts';
import { remoteEndOf } from '../../transports/webrtc/remote-end.ts';
import type { WebRtcTransport } from '../../transports/webrtc/transport.ts';
import { Broadcaster } from './broadcaster.ts';
import { hasReorderedPictures } from './from-stream.ts';
import { matchTracks, pictureForm } from './negotiation.ts';
import { type SessionVisit, type WhepCounters, WhepSession } from './session.ts';
import type { TierSource } from './tier-sizes.ts';
import type { PictureForm, TrackSource } from './track-source.ts';

/** A viewer reports and sends no media: more than this is something else. */
const MAX_VIEWER_BYTES_PER_SECOND = 256 * 1024;

/** How soon a player that found nobody may ask again. */
const RETRY_SECONDS = 2;

/** How soon, when the broadcast would have to come here first. */
const ELSEWHERE_RETRY_SECONDS = 10;

/** How soon one that found no room may. */
const FULL_RETRY_SECONDS = 5;

const CNAME = 'millrace';

/** Who counts viewers. */
export interface ViewerLog {
  /** A session that nobody else counts begins to receive. */
  beginSession(streamId: string): SessionVisit;
}

export interface WhepOutputDeps {
  readonly hub: Pick<Hub, 'get'>;
  readonly gate: PlaybackGate;
  readonly elsewhere: Elsewhere;
  readonly transport: WebRtcTransport;
  readonly source: TrackSource;
  /** Smaller sizes of a publisher's one picture; none when left out. */
  readonly tiers?: TierSource;
  readonly viewers: ViewerLog;
  readonly clock: Clock;
  readonly log: Log;
}

export class WhepOutput {
  readonly #deps: WhepOutputDeps;
  readonly #broadcasters = new Set<Broadcaster>();
  /** How often a stream ceased to be for everybody. */
  #dismissals = 0;
  readonly #counters: WhepCounters = { sessions: 0, nacked: 0, resent: 0, keyFrameRequests: 0, skipped: 0, slowed: 0, lowered: 0, raised: 0, malformedRtcp: 0 };

  constructor(deps: WhepOutputDeps) {
    this.#deps = deps;
  }

  /** Totals since the start, but for `viewers`, which are those of now. */
  get counters(): Readonly<WhepCounters> & { readonly viewers: number } {
    let viewers = 0;
    for (const broadcaster of this.#broadcasters) viewers += broadcaster.viewers;
    return { ...this.#counters, viewers };
  }

  /** Of one stream, now. */
  viewersOf(streamId: string): number {
    let viewers = 0;
    for (const broadcaster of this.#broadcasters) if (broadcaster.stream.broadcast.streamId === streamId) viewers += broadcaster.viewers;
    return viewers;
  }

  /** Not everybody may watch it any more: whoever may is let in again. */
  dismiss(streamId: string): void {
    this.#dismissals++;
    for (const broadcaster of this.#broadcasters) if (broadcaster.stream.broadcast.streamId === streamId) broadcaster.dismiss('permission_changed');
  }

  /** Throws AppError, and ProtocolError when the offer is malformed. */
  async take(offer: Offer): Promise<OfferedSession> {
    const { transport, clock, viewers } = this.#deps;
    const { remoteAddress } = offer;
    const dismissals = this.#dismissals;
    await this.#authorise(offer);
    const description = parseDescription(offer.sdp);
    const remote = remoteEndOf(description);
    const stream = await this.#runningStream(offer.streamId);
    this.#assertRoom(remoteAddress);
    const broadcaster = this.#broadcasterOf(stream, pictureForm(description, stream.currentTracks));
    const release = broadcaster.reserve();
    try {
      if (!(await broadcaster.ready())) throw new AppError('no_publisher', { retryAfterSeconds: RETRY_SECONDS });
      await this.#authoriseAnew(offer, dismissals);
      offer.signal.throwIfAborted();
      // Others may have come while the tracks were waited for.
      this.#assertRoom(remoteAddress);
      const matched = matchTracks(description, tracksFor(broadcaster), { cname: CNAME, streamId: offer.streamId });
      if (matched.length === 0) throw new AppError('no_common_codec', { detail: refusalDetail(stream) });
      const log = this.#deps.log.child({ streamId: offer.streamId, remoteAddress, protocol: 'whep' });
      const session = new WhepSession({
        clock,
        log,
        broadcaster,
        counters: this.#counters,
        tracks: matched,
        // Players that watch on the stream socket as well are counted there.
        beginVisit: () => (offer.viewer ? undefined : viewers.beginSession(offer.streamId)),
        newSequence: () => randomBytes(2).readUInt16BE() & 0x7fff,
      });
      const peer = transport.open(remote, { remoteAddress, maxBytesPerSecond: MAX_VIEWER_BYTES_PER_SECOND, listener: session });
      session.attach(peer);
      this.#counters.sessions++;
      const answer = writeAnswer(
        description,
        matched.map(({ accepted }) => accepted),
        peer.local,
      );
      const picture = matched.find(({ outgoing }) => outgoing === broadcaster.video);
      const layers = picture && layerChoice(String(description.media.indexOf(picture.accepted.medium)), broadcaster, session);
      return {
        answer,
        remoteUfrag: remote.iceUfrag,
        closed: peer.closed,
        restart: (credentials) => peer.restart(credentials),
        leave: () => peer.close(),
        ...(layers && { layers }),
      };
    } finally {
      release();
    }
  }

  async #authorise({ streamId, token, cookie, authorization }: Offer): Promise<void> {
    const { gate } = this.#deps;
    // A playback token may also come as a bearer token: players have a field for that.
    const bearer = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    const decision = await gate.check(streamId, { token: token ?? bearer, cookie, authorization });
    if (isRefusal(decision)) throw new AppError(decision === 'denied' ? 'playback_not_allowed' : 'stream_not_found');
  }

  /** What was asked before a stream ceased to be for everybody does not hold after it. */
  async #authoriseAnew(offer: Offer, dismissals: number): Promise<void> {
    for (let asked = dismissals; asked !== this.#dismissals; ) {
      asked = this.#dismissals;
      await this.#authorise(offer);
    }
  }

  #assertRoom(remoteAddress: string): void {
    if (this.#deps.transport.isFull(remoteAddress)) throw new AppError('overloaded', { retryAfterSeconds: FULL_RETRY_SECONDS });
  }

  async #runningStream(streamId: string): Promise<LiveStream> {
    const stream = this.#deps.hub.get(streamId);
    const state = stream?.broadcast.state;
    if (stream && stream.currentTracks.length > 0 && (state === 'live' || state === 'preview' || state === 'reconnecting')) return stream;
    if (!(await this.#deps.elsewhere.isLive(streamId))) throw new AppError('no_publisher', { retryAfterSeconds: RETRY_SECONDS });
    throw new AppError('on_another_server', { detail: 'This stream is live on another server, and can be watched there.', retryAfterSeconds: ELSEWHERE_RETRY_SECONDS });
  }

  #broadcasterOf(stream: LiveStream, form: PictureForm): Broadcaster {
    for (const known of this.#broadcasters) if (known.stream === stream && known.form === form) return known;
    const { clock, log, source, tiers } = this.#deps;
    const broadcaster = new Broadcaster({
      stream,
      source,
      form,
      tiers,
      clock,
      log,
      newSsrc: () => randomBytes(4).readUInt32BE(),
      onIdle: () => this.#broadcasters.delete(broadcaster),
    });
    this.#broadcasters.add(broadcaster);
    return broadcaster;
  }
}

/** @param media index of the picture's media line. */
function layerChoice(media: string, broadcaster: Broadcaster, session: WhepSession): LayerChoice {
  return {
    list: () => ({ [media]: [...broadcaster.layers] }),
    choose({ mediaId = media, rid, encodingId = rid }) {
      const names = broadcaster.layers.map((layer) => layer.rid);
      if (mediaId !== media) throw new AppError('invalid_request', { detail: `The picture is in media line ${media}.` });
      if (encodingId !== undefined && !names.includes(encodingId)) throw new AppError('invalid_request', { detail: `There is no ${encodingId}, but ${names.join(', ')}.` });
      session.chooseLayer(encodingId);
    },
  };
}

/** Of a picture that browsers would show in the wrong order, nothing is better than all of it. */
function tracksFor({ stream, video, audio, isReordered }: Broadcaster) {
  const isShown = video && !isReordered && !hasReorderedPictures(stream.recentUnits, video.carried.track.id);
  if (video && !isShown) return [];
  return [...(video ? [video] : []), ...(audio ? [audio] : [])];
}

function refusalDetail({ currentTracks, recentUnits }: LiveStream): string {
  const video = currentTracks.find(({ kind }) => kind === 'video');
  if (video && hasReorderedPictures(recentUnits, video.id))
    return 'The publisher sends B-frames, which browsers do not show by WebRTC. Watch by HLS, or let the encoder use none (bf=0, tune=zerolatency).';
  return `The publisher sends ${currentTracks.map(({ codecString }) => codecString).join(' and ')}.`;
}
