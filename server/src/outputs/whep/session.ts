/** One WHEP viewer: pumps packets from the shared logs, answers what it reports, skips for it what its network cannot take. */
import { concat } from '@millrace/media/big-endian';
import { ProtocolError } from '@millrace/media/protocol-error';
import { ntpMicrosOf } from '@millrace/media/rtp/ntp';
import { type ReceptionReport, readRtcp } from '@millrace/media/rtp/rtcp';
import { writeBye, writeCname, writeSenderReport } from '@millrace/media/rtp/rtcp-write';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { PeerListener, PeerSession } from '../../transports/webrtc/peer-session.ts';
import type { Audience, Broadcaster, DismissalReason } from './broadcaster.ts';
import { LossWatch } from './loss-watch.ts';
import type { Matched } from './negotiation.ts';
import type { OutgoingTrack } from './outgoing-track.ts';
import { RenditionChoice } from './rendition-choice.ts';
import { TrackFeed } from './track-feed.ts';

/** A burst goes out in pieces, lest it fill the first small buffer on its way: about 75 Mbit/s. */
const BURST_PACKETS = 40;
const BURST_MS = 5;

/** Packets sent again in a second, at most: a viewer who misses more is not helped by more. */
const MAX_RESENT_PER_SECOND = 500;

/** Sound may begin so far behind the picture: more would stay as delay. */
const LATE_SECONDS = 0.3;

/** Of fewer packets in a second no share is told. */
const LEAST_JUDGED_PACKETS = 20;

/** A lower rendition may have yet to be made, and begins with a key frame: so long what is lost until then says nothing of it. */
const MAX_PENDING_MS = 10_000;

const CNAME = 'millrace';

export interface WhepCounters {
  sessions: number;
  /** Packets asked for again, and those of them that were still there. */
  nacked: number;
  resent: number;
  keyFrameRequests: number;
  /** Packets left out for viewers who fell behind. */
  skipped: number;
  /** Times a viewer was given key frames only. */
  slowed: number;
  /** Times a viewer was given a lower rendition for what it lost, and a higher one again. */
  lowered: number;
  raised: number;
  malformedRtcp: number;
}

/** A session as one who is counted. */
export interface SessionVisit {
  /** Still there. */
  beat(): void;
  end(): void;
}

export interface WhepSessionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly broadcaster: Broadcaster;
  readonly counters: WhepCounters;
  /** What this viewer negotiated. */
  readonly tracks: readonly Pick<Matched, 'outgoing' | 'payloadType' | 'retransmission' | 'others'>[];
  /** It says that it receives; undefined when it is counted elsewhere. */
  beginVisit(): SessionVisit | undefined;
  newSequence(): number;
}

interface ActiveTrack {
  readonly outgoing: OutgoingTrack;
  readonly feed: TrackFeed;
  isReported: boolean;
  readonly loss: LossWatch;
  countedSkips: number;
  /** Of the second that runs: the worst report, packets asked for again, and what had been sent and skipped when it began. */
  reportedLoss: number;
  missed: number;
  sentBefore: number;
  skippedBefore: number;
}

export class WhepSession implements Audience, PeerListener {
  readonly #deps: WhepSessionDeps;
  #peer: PeerSession | undefined;
  #tracks: readonly ActiveTrack[] = [];
  #burst: Timer | undefined;
  #resendWindowAt = 0;
  #resentInWindow = 0;
  readonly #choice = new RenditionChoice();
  /** The size that the viewer chose; undefined: the best that its network takes. */
  #chosen: string | undefined;
  #loweredAt = Number.NEGATIVE_INFINITY;
  /** A viewer is who reports what it receives, as players must (RFC 8834 §4.4); so its silence tells that it is gone. */
  #visit: SessionVisit | undefined;
  #hasReported = false;

  constructor(deps: WhepSessionDeps) {
    this.#deps = deps;
  }

  /** The transport it speaks over; told once, before anything arrives. */
  attach(peer: PeerSession): void {
    this.#peer = peer;
    this.#deps.broadcaster.join(this);
    void peer.closed.then((reason) => {
      this.#burst?.cancel();
      this.#countSkips();
      this.#deps.broadcaster.leave(this);
      this.#visit?.end();
      this.#deps.log.info({ reason }, 'viewer gone');
    });
  }

  /** Sends this size from its next key frame on, as long as there is one of the name. Undefined: the best that the network takes. */
  chooseLayer(rid: string | undefined): void {
    this.#chosen = rid;
    this.#chooseSize();
  }

  connected(): void {
    const { tracks, newSequence } = this.#deps;
    const peer = this.#peer;
    if (!peer) return;
    const video = tracks.find(({ outgoing }) => outgoing.log.kind === 'video')?.outgoing.log;
    const isLate = (seconds: number): boolean => video !== undefined && video.newestSeconds - seconds > LATE_SECONDS;
    this.#tracks = tracks.map(({ outgoing, payloadType, retransmission, others }) => ({
      outgoing,
      feed: new TrackFeed({
        log: outgoing.log,
        payloadType,
        others,
        firstSequence: newSequence(),
        retransmission: retransmission && { ...retransmission, firstSequence: newSequence() },
        send: (packet) => peer.send(packet),
        ...(outgoing.log.kind === 'audio' && { isLate }),
      }),
      isReported: false,
      loss: new LossWatch({ countsRepaired: retransmission !== undefined }),
      countedSkips: 0,
      reportedLoss: 0,
      missed: 0,
      sentBefore: 0,
      skippedBefore: 0,
    }));
    this.#chooseSize();
    this.packets();
    if (this.#tracks.some(({ feed }) => feed.needsKeyFrame)) this.#askForKeyFrame();
  }

  packets(): void {
    if (!this.#burst) this.#pump();
  }

  interrupted(): void {
    for (const { feed } of this.#tracks) feed.awaitKeyFrame();
    this.#chooseSize();
  }

  sizesChanged(): void {
    this.#chooseSize();
  }

  report(): void {
    for (const track of this.#tracks) {
      this.#report(track);
      if (track.outgoing.log.kind === 'video') this.#judge(track);
    }
    this.#countSkips();
  }

  dismiss(reason: DismissalReason): void {
    this.#deps.log.info({ reason }, 'viewer told to go');
    const ssrcs = this.#tracks.map(({ outgoing }) => outgoing.log.ssrc);
    if (ssrcs.length > 0) this.#peer?.send(Buffer.from(writeBye(ssrcs)));
    this.#peer?.close();
  }

  /** A viewer sends no media. */
  rtp(): void {}

  rtcp(packet: Buffer): void {
    const { counters } = this.#deps;
    try {
      for (const message of readRtcp(packet)) {
        if (message.type === 'nack') this.#resend(message.media, message.sequences);
        else if (message.type === 'picture-loss' || message.type === 'full-intra-request') this.#askForKeyFrame();
        else if (message.type === 'receiver-report' || message.type === 'sender-report') for (const report of message.reports) this.#heed(report);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      counters.malformedRtcp++;
    }
    this.#visit?.beat();
  }

  #pump(): void {
    this.#burst = undefined;
    let left = BURST_PACKETS;
    for (const track of this.#tracks) {
      left = track.feed.pump(left);
      if (!track.isReported && track.feed.sent.packets > 0) this.#report(track);
    }
    if (left === 0) this.#burst = this.#deps.clock.after(BURST_MS, () => this.#pump());
  }

  #report(track: ActiveTrack): void {
    const { outgoing, feed } = track;
    const { packets, octets } = feed.sent;
    if (packets === 0) return;
    track.isReported = true;
    const { broadcaster, clock } = this.#deps;
    const { ssrc } = outgoing.log;
    const rtpTimestamp = broadcaster.timeNow(outgoing) % 2 ** 32;
    const report = writeSenderReport({ ssrc, ntpMicros: ntpMicrosOf(clock.now()), rtpTimestamp, packets, octets, reports: [] });
    this.#peer?.send(Buffer.from(concat(report, writeCname(ssrc, CNAME))));
  }

  #resend(ssrc: number, sequences: readonly number[]): void {
    const { clock, counters } = this.#deps;
    const track = this.#tracks.find(({ outgoing }) => outgoing.log.ssrc === ssrc);
    if (!track) return;
    const now = clock.monotonic();
    if (now - this.#resendWindowAt >= 1_000) {
      this.#resendWindowAt = now;
      this.#resentInWindow = 0;
    }
    track.missed += sequences.length;
    for (const sequence of sequences) {
      counters.nacked++;
      if (this.#resentInWindow >= MAX_RESENT_PER_SECOND) continue;
      if (!track.feed.resend(sequence)) continue;
      this.#resentInWindow++;
      counters.resent++;
    }
  }

  #askForKeyFrame(): void {
    this.#deps.counters.keyFrameRequests++;
    this.#deps.broadcaster.requestKeyFrame();
  }

  /** Looks back at a second of a viewer's picture: a network that cannot take it gets a lower rendition. */
  #judge(track: ActiveTrack): void {
    const { broadcaster, clock, counters, log } = this.#deps;
    const { feed } = track;
    const sent = feed.sent.packets - track.sentBefore;
    const loss = Math.max(track.reportedLoss, sent >= LEAST_JUDGED_PACKETS ? track.missed / sent : 0);
    const fellBehind = !feed.keyFramesOnly && feed.skipped > track.skippedBefore;
    track.reportedLoss = 0;
    track.missed = 0;
    track.sentBefore = feed.sent.packets;
    track.skippedBefore = feed.skipped;
    const nowMs = clock.monotonic();
    const came = this.#isPending(feed, nowMs) || this.#chosenLevel !== undefined ? 'stay' : this.#choice.second({ loss, fellBehind }, { levels: broadcaster.sizes.length, nowMs });
    if (came === 'down') {
      counters.lowered++;
      this.#loweredAt = nowMs;
    }
    if (came === 'up') counters.raised++;
    if (came === 'down' || came === 'up') log.debug({ level: this.#choice.level, loss }, 'viewer gets another rendition');
    this.#chooseSize();
  }

  get #chosenLevel(): number | undefined {
    return this.#chosen === undefined ? undefined : this.#deps.broadcaster.levelOf(this.#chosen);
  }

  get #level(): number {
    return this.#chosenLevel ?? this.#choice.level;
  }

  /** True while it still gets a better rendition than its network takes. */
  #isPending(feed: TrackFeed, nowMs: number): boolean {
    const { broadcaster } = this.#deps;
    return nowMs - this.#loweredAt < MAX_PENDING_MS && broadcaster.sizes.findIndex((size) => size?.log === feed.log) < Math.min(this.#choice.level, broadcaster.sizes.length - 1);
  }

  /** The size that the viewer chose, or the best that the network takes of those that come now. */
  #chooseSize(): void {
    const { broadcaster } = this.#deps;
    const feed = this.#tracks.find(({ outgoing }) => outgoing.log.kind === 'video')?.feed;
    if (!feed) return;
    const level = this.#level;
    if (level > 0 || feed.log !== broadcaster.video?.log) broadcaster.wantSmaller();
    const size = broadcaster.sizeAt(level);
    if (!size || feed.target === size.log) return;
    feed.switchTo(size.log, { inStep: broadcaster.sizesAreInStep });
    if (size.log !== feed.log) this.#askForKeyFrame();
  }

  /** Gives a network that loses much of the least rendition less to carry, until it loses little. */
  #heed(report: ReceptionReport): void {
    const track = this.#tracks.find(({ outgoing }) => outgoing.log.ssrc === report.ssrc);
    if (track && !this.#hasReported) {
      this.#hasReported = true;
      this.#visit = this.#deps.beginVisit();
    }
    if (track?.outgoing.log.kind !== 'video') return;
    const { loss, feed } = track;
    track.reportedLoss = Math.max(track.reportedLoss, report.fractionLost / 256);
    const wasOverloaded = loss.isOverloaded;
    loss.report(report, this.#deps.clock.monotonic());
    // Nothing smaller is to come of it: there is nothing, or it was not chosen.
    const isLeast = this.#chosenLevel !== undefined || (this.#choice.level >= this.#deps.broadcaster.sizes.length - 1 && !this.#isPending(feed, this.#deps.clock.monotonic()));
    feed.keyFramesOnly = loss.isOverloaded && isLeast;
    if (loss.isOverloaded && !wasOverloaded && isLeast) this.#deps.counters.slowed++;
  }

  #countSkips(): void {
    for (const track of this.#tracks) {
      this.#deps.counters.skipped += track.feed.skipped - track.countedSkips;
      track.countedSkips = track.feed.skipped;
    }
  }
}
