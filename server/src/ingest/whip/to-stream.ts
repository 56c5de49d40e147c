/** Turns the packets of a publisher into tracks and units. Pure: times are passed in. Lies between the session and the hub. */
import { ReceiveClock } from '@millrace/media/rtp/clock';
import { readRtpPacket } from '@millrace/media/rtp/packet';
import type { ReceptionReport, SenderReport } from '@millrace/media/rtp/rtcp';
import type { Track } from '@millrace/media/track';
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

/** How long the other track is waited for, and how much is held meanwhile. */
const ANNOUNCE_AFTER_MS = 1_500;
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
  #held: HeldUnit[] = [];
  #heldBytes = 0;
  #nowMs = 0;

  constructor(expected: readonly ExpectedMedium[], target: StreamTarget) {
    this.#target = target;
    const clock = new ReceiveClock();
    this.#media = expected.map((medium) => {
      const id = medium.kind === 'video' ? VIDEO_ID : AUDIO_ID;
      return new MediumReceiver(medium, {
        id,
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
  }

  /** The source of the pictures; undefined before the first packet. */
  get videoSsrc(): number | undefined {
    return this.#media.find(({ expected }) => expected.kind === 'video')?.ssrc;
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
   */
  rtp(bytes: Uint8Array, nowMs: number): boolean {
    const packet = readRtpPacket(bytes);
    const medium = this.#media.find(({ expected }) => expected.payloadType === packet.payloadType);
    if (!medium) return false;
    this.#nowMs = nowMs;
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

  reports(nowMs: number): ReceptionReport[] {
    return this.#media.flatMap((medium) => medium.reports(nowMs));
  }

  #setTrack(track: Track): void {
    this.#tracks.set(track.id, track);
    this.#firstTrackAtMs ??= this.#nowMs;
    if (this.#isAnnounced) this.#announce();
  }

  #write(unit: Unit): void {
    if (this.#isAnnounced) {
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
    if (this.#isAnnounced || this.#firstTrackAtMs === undefined) return;
    const isLate = this.#nowMs - this.#firstTrackAtMs >= ANNOUNCE_AFTER_MS;
    if (isLate || this.#isFull || this.#media.every(({ hasTrack }) => hasTrack)) this.#announce();
  }

  /** Goes on with the tracks there are. */
  #announce(): void {
    this.#isAnnounced = true;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    const tracks = [...this.#tracks.values()].toSorted((a, b) => a.id - b.id);
    this.#target.tracks(tracks, held[0]?.arrivedAt ?? this.#nowMs);
    for (const { unit, arrivedAt } of held) this.#target.unit(unit, arrivedAt);
  }
}
