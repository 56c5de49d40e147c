/** H.264 frames from RTP payloads; parameter sets in band become the configuration. Source: RFC 6184 §5.6 to §5.8. */
import { u16 } from '../big-endian.ts';
import { isH264RandomAccess, readAvcC } from '../codecs/h264.ts';
import { writeAvcC } from '../codecs/h264-parameter-sets.ts';
import { nalUnits } from '../codecs/nal.ts';
import { H264Nal } from '../codecs/nal-types.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { FrameBuilder, VideoFormat } from './depacketizer.ts';
import { NalPieces, sameUnits, sampleOf } from './nal-pieces.ts';

/** first_mb_in_slice 0 is the one bit 1 at the head of a slice. */
const FIRST_MACROBLOCK = 0x80;

export class H264Builder implements FrameBuilder {
  readonly #pieces = new NalPieces();
  #sps: readonly Uint8Array[] = [];
  #pps: readonly Uint8Array[] = [];
  #format: VideoFormat | undefined;

  /** @param parameterSets NAL units known beforehand, from `sprop-parameter-sets`. */
  constructor(parameterSets: readonly Uint8Array[] = []) {
    this.#learn(parameterSets);
  }

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  begins(payload: Uint8Array): boolean {
    const [first = 0, second = 0, third = 0] = payload;
    const type = first & 0x1f;
    if (type === H264Nal.fuA) return (second & 0x80) !== 0 && beginsFrame(second & 0x1f, third);
    if (type === H264Nal.stapA) return beginsFrame((payload[3] ?? 0) & 0x1f, payload[4] ?? 0);
    return beginsFrame(type, second);
  }

  add(payload: Uint8Array): boolean {
    const header = payload[0] ?? 0;
    const type = header & 0x1f;
    if (type >= 1 && type < H264Nal.stapA) return this.#pieces.whole(payload);
    if (type === H264Nal.stapA) return this.#addAggregate(payload);
    return type === H264Nal.fuA && this.#addFragment(header, payload);
  }

  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged' {
    const nals = this.#pieces.take();
    if (!nals) return 'damaged';
    const media = nals.filter((nal) => !isDropped(typeOf(nal)));
    if (media.length !== nals.length) this.#learn(nals);
    if (!this.#format || !media.some((nal) => typeOf(nal) >= H264Nal.slice && typeOf(nal) <= H264Nal.idr)) return 'nothing';
    const data = sampleOf(media);
    return { data, key: isH264RandomAccess(data, nalUnits(data, 4) ?? []) === true };
  }

  reset(): void {
    this.#pieces.reset();
  }

  #addAggregate(payload: Uint8Array): boolean {
    for (let at = 1; at < payload.length; ) {
      const end = at + 2 + u16(payload, at);
      if (end > payload.length || end === at + 2) return false;
      if (!this.#pieces.whole(payload.subarray(at + 2, end))) return false;
      at = end;
    }
    return true;
  }

  #addFragment(header: number, payload: Uint8Array): boolean {
    const fragment = payload[1] ?? 0;
    if (payload.length < 3) return false;
    if (fragment & 0x80 && !this.#pieces.begin(Uint8Array.of((header & 0xe0) | (fragment & 0x1f)))) return false;
    return this.#pieces.fragment(payload.subarray(2), (fragment & 0x40) !== 0);
  }

  /** The sets of one frame replace those before: an encoder that begins anew sends all of them. */
  #learn(nals: readonly Uint8Array[]): void {
    const sps = nals.filter((nal) => typeOf(nal) === H264Nal.sps);
    const pps = nals.filter((nal) => typeOf(nal) === H264Nal.pps);
    const isNews = (sps.length > 0 && !sameUnits(sps, this.#sps)) || (pps.length > 0 && !sameUnits(pps, this.#pps));
    if (!isNews) return;
    // Copies: the views would keep whole datagrams.
    if (sps.length > 0) this.#sps = sps.map((nal) => nal.slice());
    if (pps.length > 0) this.#pps = pps.map((nal) => nal.slice());
    if (this.#sps.length > 0 && this.#pps.length > 0) this.#format = formatOf(this.#sps, this.#pps) ?? this.#format;
  }
}

/** Undefined when the sets make no sense: the format before stays, and the next ones may be better. */
function formatOf(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): VideoFormat | undefined {
  try {
    const { config, codecString, width, height } = readAvcC(writeAvcC({ sps, pps }));
    return { codec: 'h264', config, codecString, width, height };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Whether a NAL unit stands before all slices of its picture, or is the first of them. */
function beginsFrame(type: number, afterHeader: number): boolean {
  return type === H264Nal.sps || type === H264Nal.aud || ((type === H264Nal.slice || type === H264Nal.idr) && (afterHeader & FIRST_MACROBLOCK) !== 0);
}

/** What samples of ISO BMFF do without; parameter sets stand in the configuration. */
function isDropped(type: number): boolean {
  return type === H264Nal.sps || type === H264Nal.pps || type === H264Nal.aud || type === H264Nal.endOfSequence || type === H264Nal.endOfStream || type === H264Nal.filler;
}

function typeOf(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}
