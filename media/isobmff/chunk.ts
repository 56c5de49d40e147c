/** A CMAF chunk: what stands before the payload of a few units. */
import type { Unit } from '../unit.ts';
import { TRACK_ID } from './init-segment.ts';

/** What goes into one chunk, in decoding order. `durations` runs beside `units`, in the track's timescale. */
export interface ChunkInput {
  readonly sequence: number;
  readonly kind: 'video' | 'audio';
  readonly units: readonly Unit[];
  readonly durations: readonly number[];
}

/** Sample flags: depends on nothing; and: depends on others, is no sync sample. ISO/IEC 14496-12 §8.8.3.1. */
export const SYNC_SAMPLE = 0x0200_0000;
export const OTHER_SAMPLE = 0x0101_0000;

const TFHD_DEFAULT_FLAGS = 0x20;
const TFHD_BASE_IS_MOOF = 0x2_0000;
const TRUN_DATA_OFFSET = 0x1;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_COMPOSITION = 0x800;

const MFHD_BYTES = 16;
const TFHD_BYTES = 20;
const TFDT_BYTES = 20;
const TRUN_HEADER_BYTES = 20;

/** The moof and the header of the mdat. The chunk is that and then the data of every unit, in order. */
export function writeChunkHead(input: ChunkInput): Uint8Array<ArrayBuffer> {
  const { units, durations, kind } = input;
  let payload = 0;
  let composed = false;
  for (const unit of units) {
    payload += unit.data.length;
    if (unit.pts !== unit.dts) composed = true;
  }
  const flags = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE | (kind === 'video' ? TRUN_FLAGS : 0) | (composed ? TRUN_COMPOSITION : 0);
  const sampleBytes = 8 + (kind === 'video' ? 4 : 0) + (composed ? 4 : 0);
  const trunBytes = TRUN_HEADER_BYTES + units.length * sampleBytes;
  const trafBytes = 8 + TFHD_BYTES + TFDT_BYTES + trunBytes;
  const moofBytes = 8 + MFHD_BYTES + trafBytes;
  const out = new Uint8Array(moofBytes + 8);
  const view = new DataView(out.buffer);
  let at = 0;
  const word = (value: number): void => {
    view.setUint32(at, value);
    at += 4;
  };
  const header = (size: number, type: number): void => {
    word(size);
    word(type);
  };
  header(moofBytes, MOOF);
  header(MFHD_BYTES, MFHD);
  word(0);
  word(input.sequence);
  header(trafBytes, TRAF);
  header(TFHD_BYTES, TFHD);
  word(TFHD_BASE_IS_MOOF | TFHD_DEFAULT_FLAGS);
  word(TRACK_ID);
  word(kind === 'video' ? OTHER_SAMPLE : SYNC_SAMPLE);
  header(TFDT_BYTES, TFDT);
  word(0x0100_0000);
  const base = units[0]?.dts ?? 0;
  word(Math.floor(base / 2 ** 32));
  word(base >>> 0);
  header(trunBytes, TRUN);
  word(0x0100_0000 | flags);
  word(units.length);
  word(moofBytes + 8);
  for (const [i, unit] of units.entries()) {
    word(durations[i] ?? 0);
    word(unit.data.length);
    if (kind === 'video') word(unit.key ? SYNC_SAMPLE : OTHER_SAMPLE);
    if (composed) word(unit.pts - unit.dts);
  }
  header(8 + payload, MDAT);
  return out;
}

const MOOF = fourCc('moof');
const MFHD = fourCc('mfhd');
const TRAF = fourCc('traf');
const TFHD = fourCc('tfhd');
const TFDT = fourCc('tfdt');
const TRUN = fourCc('trun');
const MDAT = fourCc('mdat');

function fourCc(type: string): number {
  return ((type.charCodeAt(0) << 24) | (type.charCodeAt(1) << 16) | (type.charCodeAt(2) << 8) | type.charCodeAt(3)) >>> 0;
}
