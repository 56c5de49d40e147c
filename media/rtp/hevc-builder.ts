/** HEVC frames from RTP payloads; parameter sets in band become the configuration. Source: RFC 7798 §4.4. */
import { u16 } from '../big-endian.ts';
import { isHevcRandomAccess, readHvcC } from '../codecs/hevc.ts';
import { writeHvcC } from '../codecs/hevc-parameter-sets.ts';
import { nalUnits } from '../codecs/nal.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';
import { NalPieces, sameUnits, sampleOf } from './nal-pieces.ts';

const LAST_SLICE = 31;
const VPS = 32;
const SPS = 33;
const PPS = 34;
const AUD = 35;
const FILLER = 38;
const AGGREGATE = 48;
const FRAGMENT = 49;

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
    if (type === FRAGMENT) return ((payload[2] ?? 0) & 0x80) !== 0 && beginsFrame((payload[2] ?? 0) & 0x3f, payload[3] ?? 0);
    if (type === AGGREGATE) return beginsFrame(((payload[4] ?? 0) >> 1) & 0x3f, payload[6] ?? 0);
    return beginsFrame(type, payload[2] ?? 0);
  }

  add(payload: Uint8Array): boolean {
    const type = typeOf(payload);
    if (payload.length < 3) return false;
    if (type < AGGREGATE) return this.#pieces.whole(payload);
    if (type === AGGREGATE) return this.#addAggregate(payload);
    return type === FRAGMENT && this.#addFragment(payload);
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const nals = this.#pieces.take();
    if (!nals) return 'damaged';
    const media = nals.filter((nal) => typeOf(nal) < VPS || typeOf(nal) > FILLER);
    if (media.length !== nals.length) this.#learn(nals);
    if (!this.#format || !media.some((nal) => typeOf(nal) <= LAST_SLICE)) return 'nothing';
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
    for (const type of [VPS, SPS, PPS]) {
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
    const { config, codecString, width, height } = readHvcC(writeHvcC({ vps: sets.get(VPS) ?? [], sps: sets.get(SPS) ?? [], pps: sets.get(PPS) ?? [] }));
    return { codec: 'hevc', config, codecString, width, height };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Whether a NAL unit stands before all slices of its picture, or is the first of them: the head bit says so. */
function beginsFrame(type: number, afterHeader: number): boolean {
  return type === VPS || type === SPS || type === AUD || (type <= LAST_SLICE && (afterHeader & 0x80) !== 0);
}

function typeOf(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 0x3f;
}
