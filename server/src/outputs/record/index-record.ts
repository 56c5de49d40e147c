/**
 * The index of an archived rendition: one record of fixed length a segment, appended as it begins and again when it is complete. The last
 * record of a number counts. A record that was not written whole does not match its sum, and whatever follows it is not read.
 */
import { crc32 } from 'node:zlib';

export interface IndexRecord {
  readonly msn: number;
  readonly discontinuitySequence: number;
  /** Which init segment and format it needs. */
  readonly format: number;
  readonly timescale: number;
  /** In ticks of the timescale, on the broadcast's timeline. */
  readonly startTicks: number;
  readonly durationTicks: number;
  /** Milliseconds since the Unix epoch. */
  readonly startsAt: number;
  readonly seconds: number;
  /** Where it lies in its file. */
  readonly offset: number;
  readonly bytes: number;
  /** False: it was being made, and there may be more of it than this says. */
  readonly complete: boolean;
  /** There is no media. */
  readonly gap: boolean;
  readonly discontinuity: boolean;
  readonly final: boolean;
  /** Decoding can begin with its first frame. */
  readonly independent: boolean;
}

export const RECORD_BYTES = 80;

/** "MRS1": segments of Millrace, first layout. */
const MAGIC = 0x4d52_5331;

const COMPLETE = 1;
const GAP = 2;
const DISCONTINUITY = 4;
const FINAL = 8;
const INDEPENDENT = 16;
const ALL_FLAGS = 31;

/** No broadcast has more segments, formats or bytes; a number beyond is no record of ours. */
const MAX_COUNT = 0xffff_ffff;

const SUM_AT = RECORD_BYTES - 4;

export function writeIndexRecord(record: IndexRecord): Uint8Array {
  const out = Buffer.alloc(RECORD_BYTES);
  const flags =
    (record.complete ? COMPLETE : 0) | (record.gap ? GAP : 0) | (record.discontinuity ? DISCONTINUITY : 0) | (record.final ? FINAL : 0) | (record.independent ? INDEPENDENT : 0);
  out.writeUInt32BE(MAGIC, 0);
  out.writeUInt32BE(flags, 4);
  out.writeUInt32BE(record.msn, 8);
  out.writeUInt32BE(record.discontinuitySequence, 12);
  out.writeUInt32BE(record.format, 16);
  out.writeUInt32BE(record.timescale, 20);
  out.writeDoubleBE(record.startTicks, 24);
  out.writeDoubleBE(record.durationTicks, 32);
  out.writeDoubleBE(record.startsAt, 40);
  out.writeDoubleBE(record.seconds, 48);
  out.writeDoubleBE(record.offset, 56);
  out.writeDoubleBE(record.bytes, 64);
  out.writeUInt32BE(crc32(out.subarray(0, SUM_AT)), SUM_AT);
  return out;
}

/** Undefined for bytes that are no record. */
export function readIndexRecord(bytes: Uint8Array): IndexRecord | undefined {
  if (bytes.length < RECORD_BYTES) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, RECORD_BYTES);
  if (view.readUInt32BE(0) !== MAGIC || view.readUInt32BE(SUM_AT) !== crc32(view.subarray(0, SUM_AT))) return undefined;
  const flags = view.readUInt32BE(4);
  const record = {
    msn: view.readUInt32BE(8),
    discontinuitySequence: view.readUInt32BE(12),
    format: view.readUInt32BE(16),
    timescale: view.readUInt32BE(20),
    startTicks: view.readDoubleBE(24),
    durationTicks: view.readDoubleBE(32),
    startsAt: view.readDoubleBE(40),
    seconds: view.readDoubleBE(48),
    offset: view.readDoubleBE(56),
    bytes: view.readDoubleBE(64),
    complete: (flags & COMPLETE) !== 0,
    gap: (flags & GAP) !== 0,
    discontinuity: (flags & DISCONTINUITY) !== 0,
    final: (flags & FINAL) !== 0,
    independent: (flags & INDEPENDENT) !== 0,
  };
  return flags <= ALL_FLAGS && isPlausible(record) ? record : undefined;
}

export interface IndexContents {
  /** One a segment, in the order of their numbers, which have no holes. */
  readonly records: IndexRecord[];
  /** Length of what was understood; what is behind it is torn or alien. */
  readonly validBytes: number;
}

/** Reads until something is not a record, or does not follow the one before. */
export function readIndex(bytes: Uint8Array): IndexContents {
  const records: IndexRecord[] = [];
  let at = 0;
  for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const record = readIndexRecord(bytes.subarray(at, at + RECORD_BYTES));
    if (!record) break;
    const last = records.at(-1);
    if (last?.msn === record.msn) records[records.length - 1] = record;
    else if (!last || record.msn === last.msn + 1) records.push(record);
    else break;
  }
  return { records, validBytes: at };
}

function isPlausible({ timescale, startTicks, durationTicks, startsAt, seconds, offset, bytes }: IndexRecord): boolean {
  if (timescale === 0 || !Number.isFinite(startsAt) || startsAt < 0) return false;
  if (!(seconds >= 0 && seconds < MAX_COUNT)) return false;
  return [startTicks, durationTicks, offset].every((value) => Number.isSafeInteger(value) && value >= 0) && Number.isInteger(bytes) && bytes >= 0 && bytes <= MAX_COUNT;
}
