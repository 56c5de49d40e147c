/**
 * One medium of a publisher, or one simulcast layer of it. It may come from several sources, one after the other, or layers without
 * names; the best becomes the track. Pure.
 */
import type { ReceiveClock } from '@millrace/media/rtp/clock';
import { depacketizerFor } from '@millrace/media/rtp/formats';
import type { RtpPacket } from '@millrace/media/rtp/packet';
import type { ReceptionReport, SenderReport } from '@millrace/media/rtp/rtcp';
import { Slabs } from '@millrace/media/slabs';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { ExpectedMedium } from './negotiation.ts';
import { type ReceivedFrame, SourceReceiver } from './source-receiver.ts';

/** Three layers, and one in place of another. */
const MAX_SOURCES = 4;

/** A source silent for so long has ended: another takes its place. */
const SILENT_MS = 1_500;

export interface MediumTarget {
  /** A new object when the format changed. */
  track(track: Track): void;
  unit(unit: Unit): void;
  dropped(units: number): void;
  /** Packets that this source should send again. */
  nack(ssrc: number, sequences: readonly number[]): void;
  /** The pictures of this source cannot be shown until a key frame comes. */
  needsKeyFrame(ssrc: number): void;
}

export interface MediumReceiverOptions {
  /** Of its track. */
  readonly id: number;
  readonly layer: string | undefined;
  /** Whether the other tracks follow its clock. */
  readonly leads: boolean;
  readonly clock: ReceiveClock;
  readonly target: MediumTarget;
}

export class MediumReceiver {
  readonly expected: ExpectedMedium;
  /** The simulcast layer that this is. */
  readonly layer: string | undefined;
  readonly #id: number;
  readonly #leads: boolean;
  readonly #clock: ReceiveClock;
  readonly #target: MediumTarget;
  readonly #sources = new Map<number, SourceReceiver>();
  readonly #memory = new Slabs();
  #selected: SourceReceiver | undefined;
  #format: SourceReceiver['format'];
  #awaitsKey = true;

  constructor(expected: ExpectedMedium, { id, layer, leads, clock, target }: MediumReceiverOptions) {
    this.expected = expected;
    this.layer = layer;
    this.#id = id;
    this.#leads = leads;
    this.#clock = clock;
    this.#target = target;
  }

  get id(): number {
    return this.#id;
  }

  /** True once there is a track. */
  get hasTrack(): boolean {
    return this.#format !== undefined;
  }

  has(ssrc: number): boolean {
    return this.#sources.has(ssrc);
  }

  get ssrcs(): readonly number[] {
    return [...this.#sources.keys()];
  }

  /** The source whose pictures are shown, or will be. */
  get ssrc(): number | undefined {
    return this.#selected?.ssrc ?? this.ssrcs[0];
  }

  get lost(): number {
    let lost = 0;
    for (const source of this.#sources.values()) lost += source.lost;
    return lost;
  }

  push(packet: RtpPacket, nowMs: number): void {
    const source = this.#sources.get(packet.ssrc) ?? this.#addSource(packet.ssrc, nowMs);
    if (!source) return;
    this.#frames(source, source.push(packet, nowMs), nowMs);
  }

  /** After an outage: nothing from before it is waited for or asked for again. */
  giveUp(): void {
    for (const source of this.#sources.values()) source.giveUp();
  }

  /** What waiting comes to: asks again, gives up. */
  tick(nowMs: number): void {
    for (const source of this.#sources.values()) {
      if (!source.isWaiting) continue;
      this.#frames(source, source.take(nowMs), nowMs);
      const sequences = source.requests(nowMs);
      if (sequences.length > 0) this.#target.nack(source.ssrc, sequences);
    }
  }

  /** False: not of this medium. */
  senderReport(report: SenderReport, nowMs: number): boolean {
    const source = this.#sources.get(report.ssrc);
    if (!source) return false;
    source.clock.report(report);
    source.reception.senderReport(report, nowMs * 1000);
    return true;
  }

  reports(nowMs: number): ReceptionReport[] {
    return [...this.#sources.values()].flatMap(({ reception }) => reception.report(nowMs * 1000) ?? []);
  }

  #addSource(ssrc: number, nowMs: number): SourceReceiver | undefined {
    for (const [known, source] of this.#sources) {
      if (nowMs - source.lastPacketMs < SILENT_MS) continue;
      this.#sources.delete(known);
      this.#clock.removeTrack(source.clock);
    }
    const { codec, clockRate, kind } = this.expected;
    if (this.#sources.size >= MAX_SOURCES) return undefined;
    const source = new SourceReceiver({ ssrc, clockRate, depacketizer: depacketizerFor(codec), clock: this.#clock.addTrack(clockRate, this.#leads) });
    this.#sources.set(ssrc, source);
    if (kind === 'video') this.#target.needsKeyFrame(ssrc);
    return source;
  }

  #frames(source: SourceReceiver, frames: readonly ReceivedFrame[], nowMs: number): void {
    for (const { frame, time } of frames) {
      if (frame.key && source !== this.#selected && this.#isBetter(source, nowMs)) this.#select(source);
      if (source !== this.#selected) continue;
      if (source.format !== this.#format) this.#announce(source.format);
      if (frame.key) this.#awaitsKey = false;
      else if (frame.afterLoss) this.#awaitsKey = true;
      if (this.#awaitsKey) {
        this.#target.dropped(1);
        this.#target.needsKeyFrame(source.ssrc);
        continue;
      }
      this.#target.unit({ track: this.#id, dts: time, pts: time, key: frame.key, data: this.#memory.copy(frame.data) });
    }
  }

  #isBetter(source: SourceReceiver, nowMs: number): boolean {
    const selected = this.#selected;
    if (!selected || nowMs - selected.lastPacketMs > SILENT_MS) return true;
    return widthOf(source) > widthOf(selected);
  }

  #select(source: SourceReceiver): void {
    this.#selected = source;
    this.#awaitsKey = true;
  }

  #announce(format: SourceReceiver['format']): void {
    this.#format = format;
    if (!format) return;
    const { clockRate } = this.expected;
    if ('width' in format) this.#target.track({ id: this.#id, kind: 'video', timescale: clockRate, ...format });
    else this.#target.track({ id: this.#id, kind: 'audio', timescale: clockRate, ...format });
  }
}

function widthOf({ format }: SourceReceiver): number {
  return format && 'width' in format ? format.width : 0;
}
