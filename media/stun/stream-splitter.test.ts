import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzzing.ts';
import { ProtocolError } from '../protocol-error.ts';
import { readChannelHeader } from './channel-data.ts';
import { writeStun } from './message.ts';
import { StreamSplitter } from './stream-splitter.ts';

const TRANSACTION = new Uint8Array(12).fill(7);
const BINDING = writeStun({ class: 0, method: 1, transactionId: TRANSACTION, attributes: [] }, { fingerprint: true });

function channelData(length: number): Uint8Array {
  const bytes = new Uint8Array((4 + length + 3) & ~3).fill(0xaa, 4, 4 + length);
  bytes.set([0x40, 0x01, length >> 8, length & 0xff]);
  return bytes;
}

function all(splitter: StreamSplitter, ...pieces: readonly Uint8Array[]): Uint8Array[] {
  return pieces.flatMap((piece) => [...splitter.read(piece)].map((message) => message.slice()));
}

const anyMessage = fc.oneof(fc.constant(BINDING), fc.nat(50).map(channelData));

describe('the stream splitter', () => {
  test('finds the same messages however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (messages, cuts) => {
        const stream = Uint8Array.from(messages.flatMap((message) => [...message]));
        const pieces: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          pieces.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(all(new StreamSplitter(2_000), ...pieces)).toEqual(messages);
      }),
    );
  });

  test('a message byte by byte comes out whole', () => {
    const message = channelData(500);
    const splitter = new StreamSplitter(2_000);
    expect(all(splitter, ...Array.from(message, (byte) => Uint8Array.of(byte)))).toEqual([message]);
  });

  test('ChannelData keeps its padding and says its length', () => {
    const [message] = all(new StreamSplitter(2_000), channelData(5));
    expect(message?.length).toBe(12);
    expect(message && readChannelHeader(message)).toEqual({ channel: 0x4001, length: 5 });
    expect(readChannelHeader(Uint8Array.of(0x40, 0, 0, 9, 1))).toBeUndefined();
    expect(readChannelHeader(BINDING)).toBeUndefined();
  });

  test('a message that is too long ends it before it has come', () => {
    const splitter = new StreamSplitter(100);
    expect(() => all(splitter, channelData(97).subarray(0, 4))).toThrow('message of 104 bytes exceeds 100');
    const later = new StreamSplitter(100);
    later.allowMessageBytes(2_000);
    expect(all(later, channelData(97))).toHaveLength(1);
  });

  test.each([
    ['TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1)],
    ['HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n')],
    ['RTP', Uint8Array.of(0x80, 96, 0, 1)],
  ])('%s is neither', (_, bytes) => {
    expect(() => all(new StreamSplitter(2_000), bytes)).toThrow(ProtocolError);
  });

  test('any bytes are split or are a ProtocolError', () => {
    fuzz(
      (bytes) => all(new StreamSplitter(300), bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)),
      [BINDING, channelData(9), Uint8Array.of(0x40), Uint8Array.of(0, 1, 0, 3)],
    );
  });
});
