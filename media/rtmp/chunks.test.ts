import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, u32Bytes } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { ChunkReader, MAX_CHUNK_STREAMS } from './chunk-reader.ts';
import { basicHeader, ChunkWriter } from './chunk-writer.ts';
import type { Message } from './message.ts';

const anyMessage: fc.Arbitrary<Message> = fc.record({
  type: fc.constantFrom(8, 9, 18, 20),
  streamId: fc.nat(5),
  timestamp: fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0xfffffe, 0xffffff, 0x1000000, 0xffffffff)),
  payload: fc.uint8Array({ maxLength: 600 }),
});

/** The same bytes, in reads of the given sizes. */
function* inPieces(bytes: Uint8Array, sizes: readonly number[]): Iterable<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

function readAll(reader: ChunkReader, ...bytes: readonly Uint8Array[]): Message[] {
  return bytes.flatMap((part) => reader.read(part));
}

function header(timestamp: number, length: number, type = 8): Uint8Array {
  return Uint8Array.of(timestamp >> 16, timestamp >> 8, timestamp, length >> 16, length >> 8, length, type, 1, 0, 0, 0);
}

describe('chunks', () => {
  test('carry any message in reads of any size', () => {
    const csid = fc.constantFrom(3, 63, 64, 319, 320, 65_599);
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(csid, anyMessage), { maxLength: 8 }), sizes, fc.integer({ min: 1, max: 5000 }), (sent, pieces, chunkSize) => {
        const writer = new ChunkWriter();
        const bytes = concat(writer.setChunkSize(chunkSize), ...sent.map(([id, message]) => writer.write(id, message)));
        expect(readAll(new ChunkReader(), ...inPieces(bytes, pieces))).toEqual(sent.map(([, message]) => message));
      }),
    );
  });

  test('interleave messages of several chunk streams', () => {
    const a = new Uint8Array(200).fill(1);
    const b = new Uint8Array(200).fill(2);
    const bytes = concat(
      ...[basicHeader(0, 4), header(5, 200), a.subarray(0, 128), basicHeader(0, 70), header(6, 200, 9), b.subarray(0, 128)],
      ...[basicHeader(3, 4), a.subarray(128), basicHeader(3, 70), b.subarray(128)],
    );
    expect(new ChunkReader().read(bytes).map(({ type, payload }) => [type, payload[199]])).toEqual([
      [8, 1],
      [9, 2],
    ]);
  });

  test('add deltas of type 1 and 2 headers and repeat them for type 3', () => {
    const bytes = concat(
      ...[basicHeader(0, 4), header(1000, 1), Uint8Array.of(0)],
      ...[basicHeader(1, 4), header(20, 1).subarray(0, 7), Uint8Array.of(0)],
      ...[basicHeader(2, 4), header(30, 1).subarray(0, 3), Uint8Array.of(0)],
      ...[basicHeader(3, 4), Uint8Array.of(0), basicHeader(3, 4), Uint8Array.of(0)],
    );
    expect(new ChunkReader().read(bytes).map(({ timestamp }) => timestamp)).toEqual([1000, 1020, 1050, 1080, 1110]);
  });

  test('carry extended deltas across the wrap of 32 bits', () => {
    const delta = 0x2000000;
    const bytes = concat(
      ...[basicHeader(0, 4), header(0xffffff, 1), u32Bytes(0xfffffff0), Uint8Array.of(0)],
      ...[basicHeader(1, 4), header(0xffffff, 1).subarray(0, 7), u32Bytes(delta), Uint8Array.of(0)],
      ...[basicHeader(3, 4), u32Bytes(delta), Uint8Array.of(0)],
    );
    expect(new ChunkReader().read(bytes).map(({ timestamp }) => timestamp)).toEqual([0xfffffff0, delta - 16, 2 * delta - 16]);
  });

  test.each(['repeated', 'left out'])('know an extended timestamp that type 3 chunks have %s', (form) => {
    const time = u32Bytes(0x1234567);
    const payload = new Uint8Array(300).map((_, i) => i);
    const repeated = form === 'repeated' ? time : new Uint8Array(0);
    const bytes = concat(
      ...[basicHeader(0, 4), header(0xffffff, 300), time, payload.subarray(0, 128)],
      ...[basicHeader(3, 4), repeated, payload.subarray(128, 256), basicHeader(3, 4), repeated, payload.subarray(256)],
    );
    for (const size of [1, 7, 1000]) {
      const [message] = readAll(new ChunkReader(), ...inPieces(bytes, [size]));
      expect(message).toMatchObject({ timestamp: 0x1234567, payload });
    }
  });

  test('forget an aborted message', () => {
    const abort = concat(basicHeader(0, 2), header(0, 4, 2), u32Bytes(4));
    const bytes = concat(basicHeader(0, 4), header(0, 200), new Uint8Array(128), abort, basicHeader(0, 4), header(9, 1), Uint8Array.of(7));
    expect(new ChunkReader().read(bytes)).toMatchObject([{ timestamp: 9, payload: Uint8Array.of(7) }]);
  });

  test('lie one behind the other, apart from what was read', () => {
    const bytes = concat(basicHeader(0, 4), header(0, 2), Uint8Array.of(1, 2), basicHeader(0, 4), header(0, 2), Uint8Array.of(3, 4));
    const [first, second] = new ChunkReader().read(bytes);
    expect([first?.payload, second?.payload]).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
    expect(first?.payload.buffer).not.toBe(bytes.buffer);
    expect(second?.payload.buffer).toBe(first?.payload.buffer);
  });

  test('take no room for what was announced and aborted', () => {
    const reader = new ChunkReader();
    const small = concat(basicHeader(0, 4), header(0, 1), Uint8Array.of(7));
    const abort = concat(basicHeader(0, 2), header(0, 4, 2), u32Bytes(5));
    const [first] = reader.read(small);
    for (let i = 0; i < 20; i++) reader.read(concat(basicHeader(0, 5), header(0, 100_000), new Uint8Array(128), abort));
    const [second] = reader.read(small);
    expect(second?.payload.buffer).toBe(first?.payload.buffer);
  });

  test('refuse what would take all memory', () => {
    expect(() => new ChunkReader(1000).read(concat(basicHeader(0, 4), header(0, 1001)))).toThrow('message of 1001 bytes exceeds 1000');
    const two = concat(basicHeader(0, 4), header(0, 600), new Uint8Array(128), basicHeader(0, 5), header(0, 600));
    expect(() => new ChunkReader(1000).read(two)).toThrow('unfinished messages of 1200 bytes');
    const many = Array.from({ length: MAX_CHUNK_STREAMS + 1 }, (_, i) => concat(basicHeader(0, 3 + i), header(0, 200), new Uint8Array(128)));
    expect(() => readAll(new ChunkReader(), ...many)).toThrow(`more than ${MAX_CHUNK_STREAMS} chunk streams`);
  });

  test.each([0, 0x80000000, 0xffffffff])('refuse a chunk size of %i', (size) => {
    expect(() => new ChunkReader().read(concat(basicHeader(0, 2), header(0, 4, 1), u32Bytes(size)))).toThrow(`chunk size ${size}`);
  });

  test('refuse a chunk stream that begins without a header', () => {
    expect(() => new ChunkReader().read(basicHeader(3, 9))).toThrow('chunk stream 9 begins with a type 3 header');
  });

  test('throw nothing but ProtocolError, and never more messages than bytes', () => {
    const writer = new ChunkWriter();
    const sample = concat(writer.write(3, { type: 20, streamId: 0, timestamp: 0xffffff, payload: new Uint8Array(300) }), writer.setChunkSize(64));
    fuzz((bytes) => expect(new ChunkReader(10_000).read(bytes).length).toBeLessThanOrEqual(bytes.length), [sample]);
  });
});
