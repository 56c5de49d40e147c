import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type IndexRecord, RECORD_BYTES, readIndex, readIndexRecord, writeIndexRecord } from './index-record.ts';

const count = fc.nat(0xffff_ffff);
const ticks = fc.nat(Number.MAX_SAFE_INTEGER);
const anyRecord: fc.Arbitrary<IndexRecord> = fc.record({
  msn: count,
  discontinuitySequence: count,
  format: count,
  timescale: fc.integer({ min: 1, max: 0xffff_ffff }),
  startTicks: ticks,
  durationTicks: ticks,
  startsAt: fc.double({ min: 0, max: 8.64e15, noNaN: true }),
  seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
  offset: ticks,
  bytes: count,
  complete: fc.boolean(),
  gap: fc.boolean(),
  discontinuity: fc.boolean(),
  final: fc.boolean(),
  independent: fc.boolean(),
});

function segment(msn: number, changes: Partial<IndexRecord> = {}): IndexRecord {
  const times = { timescale: 90_000, startTicks: msn * 180_000, durationTicks: 180_000, startsAt: 1000 + msn * 2000, seconds: 2 };
  const flags = { complete: true, gap: false, discontinuity: false, final: false, independent: true };
  return { msn, discontinuitySequence: 0, format: 0, ...times, offset: msn * 100, bytes: 100, ...flags, ...changes };
}

function indexOf(...records: readonly IndexRecord[]): Uint8Array {
  return Buffer.concat(records.map(writeIndexRecord));
}

it('reads every record that it wrote', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = writeIndexRecord(record);
      expect(bytes.length).toBe(RECORD_BYTES);
      expect(readIndexRecord(bytes)).toEqual({ ...record, startsAt: record.startsAt + 0, seconds: record.seconds + 0 });
    }),
  );
});

it('takes the last record of a number for the segment', () => {
  const { records, validBytes } = readIndex(indexOf(segment(3), segment(4, { complete: false, bytes: 10 }), segment(4), segment(5, { complete: false, bytes: 7 })));
  expect(records.map(({ msn, bytes, complete }) => [msn, bytes, complete])).toEqual([
    [3, 100, true],
    [4, 100, true],
    [5, 7, false],
  ]);
  expect(validBytes).toBe(4 * RECORD_BYTES);
});

it('stops where a record was torn, and where a number is missing', () => {
  const whole = indexOf(segment(0), segment(1), segment(2));
  expect(readIndex(whole.subarray(0, whole.length - 1))).toMatchObject({ validBytes: 2 * RECORD_BYTES, records: [{ msn: 0 }, { msn: 1 }] });
  expect(readIndex(indexOf(segment(0), segment(2)))).toMatchObject({ validBytes: RECORD_BYTES, records: [{ msn: 0 }] });
});

it('reads nothing that was changed by one bit', () => {
  const bytes = writeIndexRecord(segment(7));
  fc.assert(
    fc.property(fc.nat(RECORD_BYTES * 8 - 1), (bit) => {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readIndexRecord(changed)).toBeUndefined();
    }),
  );
});

it('takes any bytes for what they are: records in order, and never more than fit', () => {
  const seed = indexOf(segment(0), segment(1, { gap: true }), segment(2));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(seed.length), (noise, cut) => {
      for (const bytes of [noise, Buffer.concat([seed.subarray(0, cut), noise])]) {
        const { records, validBytes } = readIndex(bytes);
        expect(validBytes).toBeLessThanOrEqual(bytes.length);
        expect(records.length).toBeLessThanOrEqual(bytes.length / RECORD_BYTES);
        for (const [i, record] of records.entries()) expect(record.msn).toBe((records[0]?.msn ?? 0) + i);
      }
    }),
  );
});
