import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat } from '../big-endian.ts';
import { fuzz } from '../fuzzing.ts';
import { type HeaderExtension, headerExtension, isRtcp, readRtpPacket, rtpHeaderBytes, writeRtpHeader } from './packet.ts';
import { sequenceAfter, sequenceDistance, sequenceUnwrapper, timestampUnwrapper } from './sequence.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const HEADER = { marker: true, payloadType: 96, sequence: 0xfffe, timestamp: 0xfffffff0, ssrc: 0xdeadbeef };
const ONE_BYTE = hex('90e0fffe fffffff0 deadbeef bede0002 10ff 00 22010203 00 aabb');

function written(extensions: readonly HeaderExtension[], payload: Uint8Array): Uint8Array {
  const packet = concat(new Uint8Array(rtpHeaderBytes(extensions)), payload);
  writeRtpHeader(packet, HEADER, extensions);
  return packet;
}

describe('RTP packets', () => {
  test('carry any header, extensions and payload', () => {
    const extension = fc.record({ id: fc.integer({ min: 1, max: 14 }), value: fc.uint8Array({ maxLength: 20 }) });
    const extensions = fc.uniqueArray(extension, { selector: ({ id }) => id, maxLength: 4 });
    fc.assert(
      fc.property(extensions, fc.uint8Array({ maxLength: 40 }), (sent, payload) => {
        const packet = readRtpPacket(written(sent, payload));
        expect(packet).toMatchObject({ ...HEADER, payload });
        for (const { id, value } of sent) expect(headerExtension(packet, id)).toEqual(value);
      }),
    );
  });

  test('skip padding between one-byte extensions', () => {
    const packet = readRtpPacket(ONE_BYTE);
    expect(headerExtension(packet, 1)).toEqual(hex('ff'));
    expect(headerExtension(packet, 2)).toEqual(hex('010203'));
    expect(headerExtension(packet, 3)).toBeUndefined();
    expect(packet.payload).toEqual(hex('aabb'));
  });

  test('read two-byte extensions, empty ones too', () => {
    const packet = readRtpPacket(hex('9060000000000000000000011000000201000302aabb0000cc'));
    expect(headerExtension(packet, 1)).toEqual(hex(''));
    expect(headerExtension(packet, 3)).toEqual(hex('aabb'));
    expect(packet.payload).toEqual(hex('cc'));
  });

  test('pass over contributing sources and padding, without copying', () => {
    const bytes = hex('a260000000000000000000010000000a0000000b 0102 000003');
    const packet = readRtpPacket(bytes);
    expect(packet.payload).toEqual(hex('0102'));
    expect(packet.payload.buffer).toBe(bytes.buffer);
    expect(packet.csrcs).toEqual(hex('0000000a0000000b'));
  });

  test('may be all padding, as those that probe the network', () => {
    expect(readRtpPacket(hex('a06000000000000000000001 000004 04')).payload).toHaveLength(0);
  });

  test.each([
    ['of another version', '40600000000000000000000100'],
    ['too short', '806000000000000000'],
    ['with more padding than bytes', 'a0600000000000000000000105'],
    ['with an extension that does not end', '906000000000000000000001bede0002'],
    ['with sources that do not end', '8f6000000000000000000001'],
  ])('are refused %s', (_, bytes) => {
    expect(() => readRtpPacket(hex(bytes))).toThrow(/RTP/);
  });

  test('are told from RTCP by their second byte', () => {
    expect(isRtcp(hex('80c8'))).toBe(true);
    expect(isRtcp(hex('80e0'))).toBe(false);
    expect(isRtcp(hex('8060'))).toBe(false);
  });

  test('throw nothing but ProtocolError', () => {
    fuzz(
      (bytes) => {
        const packet = readRtpPacket(bytes);
        for (const id of [1, 2, 14, 15]) headerExtension(packet, id);
      },
      [ONE_BYTE, written([{ id: 200, value: new Uint8Array(30) }], hex('01'))],
    );
  });
});

describe('sequence numbers', () => {
  test('know which is newer across the wrap', () => {
    expect(sequenceDistance(65_535, 0)).toBe(1);
    expect(sequenceDistance(0, 65_535)).toBe(-1);
    expect(sequenceDistance(0, 0x8000)).toBe(-32_768);
    expect(sequenceAfter(65_530, 10)).toBe(4);
  });

  test('and timestamps are followed across wraps, reordered ones too', () => {
    const sequences = sequenceUnwrapper();
    expect([65_534, 0, 65_535, 1].map((value) => sequences.next(value))).toEqual([65_534, 65_536, 65_535, 65_537]);
    const timestamps = timestampUnwrapper();
    expect([0xffff_ff00, 0x100, 0xffff_fff0].map((value) => timestamps.next(value))).toEqual([0xffff_ff00, 0x1_0000_0100, 0xffff_fff0]);
  });
});
