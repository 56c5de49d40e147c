/** One RTP source of a publisher: packets in any order become whole frames in theirs. Pure: times are passed in. */
import type { TrackClock } from '@millrace/media/rtp/clock';
import type { AudioFormat, Depacketizer, Frame, VideoFormat } from '@millrace/media/rtp/depacketizer';
import { JitterBuffer } from '@millrace/media/rtp/jitter-buffer';
import type { RtpPacket } from '@millrace/media/rtp/packet';
import { Reception } from '@millrace/media/rtp/reception';

/** A packet that is later than this is given up: a picture half a second old interests nobody who watches in real time. */
const HOLD_MS = 400;

/** The way there and back is not known to a receiver; most networks are faster. */
const ROUND_TRIP_MS = 50;

export interface SourceReceiverOptions {
  readonly ssrc: number;
  readonly clockRate: number;
  readonly clock: TrackClock;
  readonly depacketizer: Depacketizer;
}

export interface ReceivedFrame {
  readonly frame: Frame;
  /** On the timeline of the clock, in ticks of the clock rate. */
  readonly time: number;
}

export class SourceReceiver {
  readonly ssrc: number;
  readonly clock: TrackClock;
  readonly reception: Reception;
  lastPacketMs = 0;
  readonly #buffer = new JitterBuffer<RtpPacket>({ holdMs: HOLD_MS });
  readonly #depacketizer: Depacketizer;

  constructor({ ssrc, clockRate, clock, depacketizer }: SourceReceiverOptions) {
    this.ssrc = ssrc;
    this.clock = clock;
    this.reception = new Reception(ssrc, clockRate);
    this.#depacketizer = depacketizer;
  }

  get format(): VideoFormat | AudioFormat | undefined {
    return this.#depacketizer.format;
  }

  get lost(): number {
    return this.#buffer.counters.lost;
  }

  push(packet: RtpPacket, nowMs: number): ReceivedFrame[] {
    this.lastPacketMs = nowMs;
    this.reception.packet(packet, nowMs * 1000);
    this.#buffer.push(packet, nowMs);
    return this.take(nowMs);
  }

  /** Frames that need wait no longer. */
  take(nowMs: number): ReceivedFrame[] {
    return this.#buffer
      .take(nowMs)
      .flatMap(({ packet, afterLoss }) => this.#depacketizer.push(packet, afterLoss).map((frame) => ({ frame, time: this.clock.time(frame.timestamp, nowMs * 1000) })));
  }

  /** After an outage: nothing from before it is waited for or asked for again. */
  giveUp(): void {
    this.#buffer.giveUp();
  }

  get isWaiting(): boolean {
    return this.#buffer.isWaiting;
  }

  /** Sequence numbers to ask for again. */
  requests(nowMs: number): number[] {
    return this.#buffer.isWaiting ? this.#buffer.requests(nowMs, ROUND_TRIP_MS) : [];
  }
}
