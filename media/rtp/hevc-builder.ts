/** HEVC frames from RTP payloads; parameter sets in band become the configuration. Source: RFC 7798 §4.4. */
import { u16 } from '../big-endian.ts';
import { isHevcRandomAccess, readHvcC } from '../codecs/hevc.ts';
import { writeHvcC } from '../codecs/hevc-parameter-sets.ts';
import { nalUnits } from '../codecs/nal.ts';
import { HevcNal } from '../codecs/nal-types.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';
import { NalPieces, sameUnits, sampleOf } from './nal-pieces.ts';

export class HevcBuilder implements FrameBuilder {
  readonly #pieces = new NalPieces();
  /** By type: video, sequence and picture parameter sets. */
  readonly #sets = new Map<number, readonly Uint8Array[]>();
  #format: VideoFormat | undefined;

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  begins(payload: Uint8Array): boolean {
    const type = typeOf(payload);
    if (type === HevcNal.fragment) return ((payload[2] ?? 0) & 0x80) !== 0 && beginsFrame((payload[2] ?? 0) & 0x3f, payload[3] ?? 0);
    if (type === HevcNal.aggregate) return beginsFrame(((payload[4] ?? 0) >> 1) & 0x3f, payload[6] ?? 0);
    return beginsFrame(type, payload[2] ?? 0);
  }

  add(payload: Uint8Array): boolean {
    const type = typeOf(payload);
    if (payload.length < 3) return false;
    if (type < HevcNal.aggregate) return this.#pieces.whole(payload);
    if (type === HevcNal.aggregate) return this.#addAggregate(payload);
    return type === HevcNal.fragment && this.#addFragment(payload);
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const nals = this.#pieces.take();
    if (!nals) return 'damaged';
    const media = nals.filter((nal) => typeOf(nal) < HevcNal.vps || typeOf(nal) > HevcNal.filler);
    if (media.length !== nals.length) this.#learn(nals);
    if (!this.#format || !media.some((nal) => typeOf(nal) <= HevcNal.lastSlice)) return 'nothing';
    const data = sampleOf(media);
    return { data, key: isHevcRandomAccess(data, nalUnits(data, 4) ?? []) === true };
  }

  reset(): void {
    this.#pieces.reset();
  }

  #addAggregate(payload: Uint8Array): boolean {
    for (let at = 2; at < payload.length; ) {
      const end = at + 2 + u16(payload, at);
      if (end > payload.length || end < at + 5) return false;
      if (!this.#pieces.whole(payload.subarray(at + 2, end))) return false;
      at = end;
    }
    return true;
  }

  #addFragment(payload: Uint8Array): boolean {
    const [first = 0, second = 0, fragment = 0] = payload;
    if (payload.length < 4) return false;
    if (fragment & 0x80 && !this.#pieces.begin(Uint8Array.of((first & 0x81) | ((fragment & 0x3f) << 1), second))) return false;
    return this.#pieces.fragment(payload.subarray(3), (fragment & 0x40) !== 0);
  }

  /** The sets of one frame replace those before: an encoder that begins anew sends all of them. */
  #learn(nals: readonly Uint8Array[]): void {
    let isNews = false;
    for (const type of [HevcNal.vps, HevcNal.sps, HevcNal.pps]) {
      const sets = nals.filter((nal) => typeOf(nal) === type);
      if (sets.length === 0 || sameUnits(sets, this.#sets.get(type) ?? [])) continue;
      this.#sets.set(
        type,
        sets.map((nal) => nal.slice()),
      );
      isNews = true;
    }
    if (isNews) this.#format = formatOf(this.#sets) ?? this.#format;
  }
}

/** Undefined when the sets are not all there or make no sense. */
function formatOf(sets: ReadonlyMap<number, readonly Uint8Array[]>): VideoFormat | undefined {
  try {
    const { config, codecString, width, height } = readHvcC(writeHvcC({ vps: sets.get(HevcNal.vps) ?? [], sps: sets.get(HevcNal.sps) ?? [], pps: sets.get(HevcNal.pps) ?? [] }));
    return { codec: 'hevc', config, codecString, width, height };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Whether a NAL unit stands before all slices of its picture, or is the first of them: the head bit says so. */
function beginsFrame(type: number, afterHeader: number): boolean {
  return type === HevcNal.vps || type === HevcNal.sps || type === HevcNal.aud || (type <= HevcNal.lastSlice && (afterHeader & 0x80) !== 0);
}

function typeOf(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 0x3f;
}
