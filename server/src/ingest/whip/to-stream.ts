/** Turns the packets of a publisher into tracks and units. Pure: times are passed in. Lies between the session and the hub. */

import { ascii, u16 } from '@millrace/media/big-endian';
import { ReceiveClock } from '@millrace/media/rtp/clock';
import { headerExtension, type RtpPacket, readRtpPacket } from '@millrace/media/rtp/packet';
import type { ReceptionReport, SenderReport } from '@millrace/media/rtp/rtcp';
import { ArrivalLog } from '@millrace/media/rtp/transport-feedback';
import { bestFirst, type Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { MediumReceiver } from './medium-receiver.ts';
import type { ExpectedMedium } from './negotiation.ts';

export interface StreamTarget {
  /**
   * Before the first unit, and whenever a format changes.
   * @param since when the first of the units that follow arrived, milliseconds since the Unix epoch.
   */
  tracks(tracks: readonly Track[], since: number): void;
  /** @param arrivedAt milliseconds since the Unix epoch. */
  unit(unit: Unit, arrivedAt: number): void;
  /** Frames that could not be used. */
  dropped(units: number): void;
  nack(ssrc: number, sequences: readonly number[]): void;
  needsKeyFrame(ssrc: number): void;
}

const VIDEO_ID = 1;
const AUDIO_ID = 2;
/** Simulcast layers behind the first have the ids from here. */
const NEXT_LAYER_ID = 3;

/** How long the other track is waited for, and how much is held meanwhile. */
const ANNOUNCE_AFTER_MS = 1_500;
/** When a format changes those of the other layers do too, as when a phone is turned: viewers get one interruption, not one of each. */
const SETTLE_MS = 150;

/**
 * Nothing at all of a publisher for so long is an outage. What was sent in it would be pictures of then, with holes of seconds around them; what comes
 * now begins sooner without.
 */
const OUTAGE_MS = 1_000;

const MAX_HELD_UNITS = 600;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

interface HeldUnit {
  readonly unit: Unit;
  readonly arrivedAt: number;
}

export class ToStream {
  readonly #target: StreamTarget;
  readonly #media: readonly MediumReceiver[];
  readonly #tracks = new Map<number, Track>();
  #isAnnounced = false;
  #firstTrackAtMs: number | undefined;
  /** The tracks that are new since the last announcement, and since when there are any. */
  readonly #news = new Set<number>();
  #newsAtMs: number | undefined;
  #held: HeldUnit[] = [];
  #heldBytes = 0;
  #nowMs = 0;
  /** When the last packet came. */
  #heardMs = 0;
  readonly #arrivals = new ArrivalLog();

  constructor(expected: readonly ExpectedMedium[], target: StreamTarget) {
    this.#target = target;
    const clock = new ReceiveClock();
    const hasSound = expected.some(({ kind }) => kind === 'audio');
    this.#media = expected.flatMap((medium) => {
      const layers = medium.layers.length > 0 ? medium.layers : [undefined];
      return layers.map((layer, i) => {
        const id = medium.kind === 'audio' ? AUDIO_ID : i === 0 ? VIDEO_ID : NEXT_LAYER_ID - 1 + i;
        return new MediumReceiver(medium, {
          id,
          layer,
          leads: medium.kind === 'audio' || !hasSound,
          clock,
          target: {
            track: (track) => this.#setTrack(track),
            unit: (unit) => this.#write(unit),
            dropped: (units) => target.dropped(units),
            nack: (ssrc, sequences) => target.nack(ssrc, sequences),
            needsKeyFrame: (ssrc) => target.needsKeyFrame(ssrc),
          },
        });
      });
    });
  }

  /** The sources of the pictures: one of each layer that has come. */
  get videoSsrcs(): readonly number[] {
    return this.#media.flatMap(({ expected, ssrc }) => (expected.kind === 'video' && ssrc !== undefined ? [ssrc] : []));
  }

  get ssrcs(): readonly number[] {
    return this.#media.flatMap(({ ssrcs }) => ssrcs);
  }

  /** Packets that never came. */
  get lost(): number {
    return this.#media.reduce((sum, { lost }) => sum + lost, 0);
  }

  /**
   * Takes a packet. False: of no medium that was agreed. Throws ProtocolError.
   * @param nowMs milliseconds since the Unix epoch.
   * @param arrivedAtMs on a finer clock, which never goes back.
   */
  rtp(bytes: Uint8Array, nowMs: number, arrivedAtMs = nowMs): boolean {
    const packet = readRtpPacket(bytes);
    const medium = this.#mediumOf(packet);
    if (!medium) return false;
    this.#nowMs = nowMs;
    const { transportExtension } = medium.expected;
    const number = transportExtension === undefined ? undefined : headerExtension(packet, transportExtension);
    if (number?.length === 2) this.#arrivals.packet(u16(number, 0), Math.floor(arrivedAtMs * 1000));
    if (nowMs - this.#heardMs > OUTAGE_MS) for (const each of this.#media) each.giveUp();
    this.#heardMs = nowMs;
    medium.push(packet, nowMs);
    this.#announceWhenComplete();
    return true;
  }

  senderReport(report: SenderReport, nowMs: number): void {
    this.#media.some((medium) => medium.senderReport(report, nowMs));
  }

  /** What waiting comes to. Called every few hundredths of a second. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const medium of this.#media) medium.tick(nowMs);
    this.#announceWhenComplete();
  }

  /** When packets came since the last such message, for a publisher that numbers them. @param sender names this end. */
  arrivals(sender: number): Uint8Array | undefined {
    return this.#arrivals.message(sender, this.videoSsrcs[0] ?? 0);
  }

  reports(nowMs: number): ReceptionReport[] {
    return this.#media.flatMap((medium) => medium.reports(nowMs));
  }

  /** RFC 8852 §3.1: a layer is named by its packets until the sender knows that its source is known. */
  #mediumOf(packet: RtpPacket): MediumReceiver | undefined {
    const first = this.#media.find(({ expected }) => expected.payloadType === packet.payloadType);
    const extension = first?.expected.layerExtension;
    if (extension === undefined) return first;
    const known = this.#media.find((medium) => medium.has(packet.ssrc));
    if (known) return known.expected === first?.expected ? known : undefined;
    const name = headerExtension(packet, extension);
    const layer = name && ascii(name, 0, name.length);
    return layer === undefined ? undefined : this.#media.find((medium) => medium.expected === first?.expected && medium.layer === layer);
  }

  #setTrack(track: Track): void {
    this.#tracks.set(track.id, track);
    this.#firstTrackAtMs ??= this.#nowMs;
    this.#news.add(track.id);
    this.#newsAtMs ??= this.#nowMs;
    if (this.#isAnnounced && this.#layers === 1) this.#announce();
  }

  /** Pictures that come side by side. */
  get #layers(): number {
    return this.#media.reduce((sum, { expected }) => sum + (expected.kind === 'video' ? 1 : 0), 0) || 1;
  }

  #write(unit: Unit): void {
    if (this.#isAnnounced && this.#newsAtMs === undefined) {
      this.#target.unit(unit, this.#nowMs);
    } else if (this.#isFull) {
      this.#target.dropped(1);
    } else {
      this.#held.push({ unit, arrivedAt: this.#nowMs });
      this.#heldBytes += unit.data.length;
    }
  }

  get #isFull(): boolean {
    return this.#held.length >= MAX_HELD_UNITS || this.#heldBytes >= MAX_HELD_BYTES;
  }

  #announceWhenComplete(): void {
    if (this.#newsAtMs === undefined || this.#firstTrackAtMs === undefined) return;
    const isLate = this.#isAnnounced ? this.#nowMs - this.#newsAtMs >= SETTLE_MS : this.#nowMs - this.#firstTrackAtMs >= ANNOUNCE_AFTER_MS;
    const isComplete = this.#isAnnounced ? this.#news.size >= this.#layers : this.#media.every(({ hasTrack }) => hasTrack);
    if (isLate || isComplete || this.#isFull) this.#announce();
  }

  /** Goes on with the tracks there are. */
  #announce(): void {
    this.#isAnnounced = true;
    const news = new Set(this.#news);
    this.#news.clear();
    this.#newsAtMs = undefined;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#target.tracks([...this.#tracks.values()].toSorted(bestFirst), held[0]?.arrivedAt ?? this.#nowMs);
    for (const { unit, arrivedAt } of held) this.#target.unit(unit, arrivedAt);
    // What is new ends the old pictures of every layer.
    for (const { id, ssrc, expected } of this.#media) {
      const begins = news.has(id) || held.some(({ unit }) => unit.track === id && unit.key);
      if (expected.kind === 'video' && ssrc !== undefined && !begins) this.#target.needsKeyFrame(ssrc);
    }
  }
}
