/** One WHIP publisher: pumps packets into the stream, asks for what is missing, reports what came, closes. */
import { concat } from '@millrace/media/big-endian';
import { ProtocolError } from '@millrace/media/protocol-error';
import { readRtcp } from '@millrace/media/rtp/rtcp';
import { writeBandwidthEstimate, writeCname, writeNack, writePictureLoss, writeReceiverReport } from '@millrace/media/rtp/rtcp-write';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Hub } from '../../stream/hub.ts';
import type { EvictionReason, Publication } from '../../stream/live-stream.ts';
import type { PublishDecision } from '../../stream/publish-gate.ts';
import type { PeerListener, PeerSession } from '../../transports/webrtc/peer-session.ts';
import type { ExpectedMedium } from './negotiation.ts';
import { type StreamTarget, ToStream } from './to-stream.ts';

/** How often missing packets are looked at. */
const TICK_MS = 20;

/** Our client takes the path for broken without any for a second: often enough that a lossy one still carries some. */
const REPORT_MS = 250;

/** How often a publisher hears when its packets came: what browsers expect, a few times in the second that a change of their network takes. */
const ARRIVALS_MS = 100;

/** A publisher that sends nothing for this long has lost its network: viewers are told, its seat is free. */
const LOST_AFTER_MS = 10_000;

/** Asking more often than a key frame takes to arrive would get two. */
const PICTURE_LOSS_MS = 300;

/** Browsers send a key frame only when asked, and segments of two seconds begin with one. */
const KEY_FRAME_EVERY_MS = 2_000;

/** What the way to us bears: browsers begin slowly without a number, and stay below what they are set to with a large one. */
const BANDWIDTH_ESTIMATE = 20_000_000;

const CNAME = 'millrace';

export interface WhipCounters {
  publishesStarted: number;
  refused: number;
  occupied: number;
  protocolErrors: number;
  lost: number;
  bytesReceived: number;
  /** Packets asked for again. */
  nacked: number;
  keyFrameRequests: number;
  /** Packets of sources that nobody agreed on. */
  strays: number;
}

export interface WhipSessionDeps {
  readonly hub: Pick<Hub, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: WhipCounters;
  readonly allowed: Extract<PublishDecision, { allowed: true }>;
  readonly media: readonly ExpectedMedium[];
  readonly remoteAddress: string;
  /** Names this end in reports. 32 random bits. */
  readonly ssrc: number;
}

export class WhipSession implements PeerListener, StreamTarget {
  readonly #deps: WhipSessionDeps;
  readonly #toStream: ToStream;
  #peer: PeerSession | undefined;
  #publication: Publication | undefined;
  #tracks: readonly Track[] = [];
  #timers: readonly Timer[] = [];
  #heardAt = 0;
  #wasLost = false;
  #isOver = false;
  #keyFrameAskedAt = 0;

  constructor(deps: WhipSessionDeps) {
    this.#deps = deps;
    this.#toStream = new ToStream(deps.media, this);
  }

  get isPublishing(): boolean {
    return this.#publication !== undefined;
  }

  /** The transport it speaks over; told once, before anything arrives. */
  attach(peer: PeerSession): void {
    this.#peer = peer;
    void peer.closed.then((reason) => {
      this.#end('lost');
      this.#deps.log.info({ reason, lost: this.#toStream.lost }, 'publisher gone');
    });
  }

  /** The publisher says goodbye. */
  leave(): void {
    this.#end('left');
    this.#peer?.close();
  }

  connected(): void {
    const { clock, log } = this.#deps;
    log.info({}, 'publisher connected');
    this.#heardAt = clock.monotonic();
    this.#timers = [
      clock.every(TICK_MS, () => this.#guard(() => this.#toStream.tick(clock.now()))),
      clock.every(ARRIVALS_MS, () => this.#tellArrivals()),
      clock.every(REPORT_MS, () => this.#report()),
      clock.every(KEY_FRAME_EVERY_MS, () => this.#askForKeyFrames()),
    ];
  }

  rtp(packet: Buffer): void {
    const { clock, counters } = this.#deps;
    this.#heardAt = clock.monotonic();
    counters.bytesReceived += packet.length;
    this.#guard(() => {
      if (!this.#toStream.rtp(packet, clock.now(), clock.monotonic())) counters.strays++;
    });
  }

  rtcp(packet: Buffer): void {
    const { clock } = this.#deps;
    this.#heardAt = clock.monotonic();
    this.#guard(() => {
      for (const message of readRtcp(packet)) if (message.type === 'sender-report') this.#toStream.senderReport(message, clock.now());
    });
  }

  tracks(tracks: readonly Track[], since: number): void {
    this.#tracks = tracks;
    const formats = tracks.map((track) => (track.kind === 'video' ? `${track.codecString} ${track.width}x${track.height}` : `${track.codecString} ${track.sampleRate} Hz`));
    this.#deps.log.info({ formats }, 'formats');
    if (this.#publication) this.#publication.tracks(tracks);
    else this.#publish(since);
  }

  unit(unit: Unit, arrivedAt: number): void {
    // A lost publisher that is heard again takes its seat again.
    if (!this.#publication) this.#publish(arrivedAt);
    this.#publication?.unit(unit, arrivedAt);
  }

  dropped(units: number): void {
    this.#publication?.countDropped(units);
  }

  nack(ssrc: number, sequences: readonly number[]): void {
    this.#deps.counters.nacked += sequences.length;
    this.#send(writeNack(this.#deps.ssrc, ssrc, sequences));
  }

  needsKeyFrame(): void {
    this.#askForKeyFrames();
  }

  #publish(mediaSince: number): void {
    if (this.#isOver) return;
    const { hub, allowed, remoteAddress, counters, log } = this.#deps;
    const { streamId, start, secondPublisher } = allowed;
    this.#publication = hub.publish({
      streamId,
      start,
      mediaSince,
      // One that was lost does not push out whoever came in its place, most likely the same browser in a new session.
      secondPublisher: this.#wasLost ? 'refuse' : secondPublisher,
      publisher: {
        protocol: 'whip',
        remoteAddress,
        onEvicted: (reason) => this.#evicted(reason),
        requestKeyFrame: () => this.#askForKeyFrames(),
      },
    });
    if (this.#publication) {
      this.#publication.tracks(this.#tracks);
      return;
    }
    counters.occupied++;
    log.warn({}, 'second publisher refused');
    this.#peer?.close();
  }

  #evicted(reason: EvictionReason): void {
    this.#publication = undefined;
    this.#deps.log.info({ reason }, 'publisher told to go');
    this.#peer?.close();
  }

  #tellArrivals(): void {
    const message = this.#toStream.arrivals(this.#deps.ssrc);
    if (message) this.#send(message);
  }

  #report(): void {
    const { clock, ssrc, counters, log } = this.#deps;
    const reports = this.#toStream.reports(clock.now());
    if (reports.length > 0) {
      const estimate = writeBandwidthEstimate(ssrc, BANDWIDTH_ESTIMATE, this.#toStream.ssrcs);
      this.#send(concat(writeReceiverReport(ssrc, reports), writeCname(ssrc, CNAME), estimate));
    }
    const silentMs = clock.monotonic() - this.#heardAt;
    if (silentMs < LOST_AFTER_MS || !this.#publication) return;
    counters.lost++;
    log.warn({ silentMs: Math.round(silentMs) }, 'publisher lost');
    this.#publication.close('lost');
    this.#publication = undefined;
    this.#wasLost = true;
  }

  /** Of all layers together, so that segments of all of them can begin there. */
  #askForKeyFrames(): void {
    const now = this.#deps.clock.monotonic();
    const ssrcs = this.#toStream.videoSsrcs;
    if (ssrcs.length === 0 || now - this.#keyFrameAskedAt < PICTURE_LOSS_MS) return;
    this.#keyFrameAskedAt = now;
    this.#deps.counters.keyFrameRequests++;
    for (const ssrc of ssrcs) this.#send(writePictureLoss(this.#deps.ssrc, ssrc));
  }

  #send(packet: Uint8Array): void {
    this.#peer?.send(Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength));
  }

  /** What a peer sends may be anything: it costs the packet, not the session. A fault of ours costs the session, and nobody else anything. */
  #guard(read: () => void): void {
    const { counters, log } = this.#deps;
    try {
      read();
    } catch (error) {
      if (error instanceof ProtocolError) counters.protocolErrors++;
      else {
        log.error({ err: error }, 'a publisher’s session broke');
        this.#peer?.close();
      }
    }
  }

  #end(how: 'left' | 'lost'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    this.#publication?.close(how);
    this.#publication = undefined;
  }
}
