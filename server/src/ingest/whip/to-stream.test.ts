import { ProtocolError } from '@millrace/media/protocol-error';
import { RTP_HEADER_BYTES, type RtpHeader, rtpHeaderBytes, writeRtpHeader } from '@millrace/media/rtp/packet';
import { readTransportFeedback } from '@millrace/media/rtp/testing/transport-feedback-reader';
import { Vp8Packetizer } from '@millrace/media/rtp/vpx-packetizer';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_MEDIUM } from '../../transports/webrtc/answer.ts';
import type { ExpectedMedium } from './negotiation.ts';
import { type StreamTarget, ToStream } from './to-stream.ts';

const ACCEPTED = { medium: EMPTY_MEDIUM, direction: 'recvonly', codecs: [], feedback: [] } as const;
const VIDEO: ExpectedMedium = {
  kind: 'video',
  codec: 'vp8',
  payloadType: 96,
  clockRate: 90_000,
  layers: [],
  layerExtension: undefined,
  transportExtension: undefined,
  accepted: ACCEPTED,
};
const AUDIO: ExpectedMedium = {
  kind: 'audio',
  codec: 'opus',
  payloadType: 111,
  clockRate: 48_000,
  layers: [],
  layerExtension: undefined,
  transportExtension: undefined,
  accepted: ACCEPTED,
};

class Recorder implements StreamTarget {
  readonly formats: (readonly Track[])[] = [];
  readonly units: Unit[] = [];
  readonly asked: number[] = [];
  readonly keyFrames: number[] = [];
  droppedUnits = 0;

  tracks(tracks: readonly Track[]): void {
    this.formats.push(tracks);
  }
  unit(unit: Unit): void {
    this.units.push(unit);
  }
  dropped(units: number): void {
    this.droppedUnits += units;
  }
  nack(_ssrc: number, sequences: readonly number[]): void {
    this.asked.push(...sequences);
  }
  needsKeyFrame(ssrc: number): void {
    this.keyFrames.push(ssrc);
  }
}

/** RFC 6386 §9.1: the head of a key frame of this size, or of another frame. */
function vp8(key: boolean, width = 640): Uint8Array {
  const frame = new Uint8Array(60);
  if (key) frame.set([0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, 0xe0, 0x01]);
  else frame.set([0x11, 0, 0]);
  return frame;
}

/** The packets of `LAYERED` name their layer in this. */
const LAYER_EXTENSION = 4;
const LAYERED: ExpectedMedium = { ...VIDEO, layers: ['low', 'high'], layerExtension: LAYER_EXTENSION };

/** A camera with one packet a frame. */
function camera(ssrc: number, layer?: string, packetizer = new Vp8Packetizer()) {
  let sequence = 65_530;
  let timestamp = 0xffff_0000;
  return (frame: Uint8Array, key: boolean): Uint8Array => {
    const [packet = new Uint8Array(12)] = packetizer.packetize({ data: frame, key });
    const header = { marker: true, payloadType: 96, sequence, timestamp, ssrc };
    writeRtpHeader(packet, header);
    sequence = (sequence + 1) & 0xffff;
    timestamp = (timestamp + 3_000) >>> 0;
    return layer === undefined ? packet : named(packet, header, layer);
  };
}

function named(packet: Uint8Array, header: RtpHeader, layer: string): Uint8Array {
  const extensions = [{ id: LAYER_EXTENSION, value: new TextEncoder().encode(layer) }];
  const longer = new Uint8Array(rtpHeaderBytes(extensions) + packet.length - RTP_HEADER_BYTES);
  writeRtpHeader(longer, header, extensions);
  longer.set(packet.subarray(RTP_HEADER_BYTES), rtpHeaderBytes(extensions));
  return longer;
}

function speech(sequence: number): Uint8Array {
  const packet = new Uint8Array(30).fill(0xfc, 12);
  writeRtpHeader(packet, { marker: false, payloadType: 111, sequence, timestamp: sequence * 960, ssrc: 2 });
  return packet;
}

test('sound and picture are told of together, and times go on across the wraps', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO, AUDIO], target);
  const shoot = camera(1);
  toStream.rtp(speech(0), 1_000);
  expect(target.formats).toEqual([]);
  for (let i = 0; i < 40; i++) toStream.rtp(shoot(vp8(i === 0), i === 0), 1_000 + i * 33);
  expect(target.formats).toHaveLength(1);
  expect(target.formats[0]).toMatchObject([
    { id: 1, codec: 'vp8', width: 640, height: 480, timescale: 90_000 },
    { id: 2, codec: 'opus', sampleRate: 48_000 },
  ]);
  const pictures = target.units.filter(({ track }) => track === 1);
  expect(pictures).toHaveLength(40);
  expect(new Set(pictures.slice(1).map(({ dts }, i) => dts - (pictures[i]?.dts ?? 0)))).toEqual(new Set([3_000]));
  expect(target.units.find(({ track }) => track === 2)).toBeDefined();
});

test('a picture alone is not waited with for ever', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO, AUDIO], target);
  const shoot = camera(1);
  toStream.rtp(shoot(vp8(true), true), 1_000);
  toStream.tick(2_400);
  expect(target.formats).toEqual([]);
  toStream.tick(2_600);
  expect(target.formats).toMatchObject([[{ codec: 'vp8' }]]);
  expect(target.units).toHaveLength(1);
});

test('a missing packet is asked for, and its frame comes in its place', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO], target);
  const shoot = camera(1);
  const packets = [shoot(vp8(true), true), shoot(vp8(false), false), shoot(vp8(false), false)];
  const [first, second, third] = packets;
  if (!first || !second || !third) throw new Error('three packets');
  toStream.rtp(first, 1_000);
  toStream.rtp(third, 1_066);
  toStream.tick(1_090);
  expect(target.asked).toEqual([65_531]);
  expect(target.units).toHaveLength(1);
  toStream.rtp(second, 1_120);
  expect(target.units).toHaveLength(3);
  expect(target.droppedUnits).toBe(0);
});

test('what never comes costs the pictures until the next key frame, which is asked for', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO], target);
  const shoot = camera(1);
  toStream.rtp(shoot(vp8(true), true), 1_000);
  shoot(vp8(false), false);
  toStream.rtp(shoot(vp8(false), false), 1_066);
  const asked = target.keyFrames.length;
  toStream.tick(1_600);
  expect(target.units).toHaveLength(1);
  expect(target.droppedUnits).toBe(1);
  expect(target.keyFrames.length).toBeGreaterThan(asked);
  expect(toStream.lost).toBe(1);
  toStream.rtp(shoot(vp8(true), true), 1_700);
  expect(target.units.at(-1)?.key).toBe(true);
});

test('of two layers the wider becomes the track, whichever comes first', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO], target);
  const small = camera(1);
  const large = camera(3);
  toStream.rtp(small(vp8(true, 320), true), 1_000);
  toStream.rtp(large(vp8(true, 1_280), true), 1_010);
  for (let i = 0; i < 5; i++) {
    toStream.rtp(small(vp8(false), false), 1_033 + i * 33);
    toStream.rtp(large(vp8(false), false), 1_043 + i * 33);
  }
  expect(target.formats.map(([track]) => track?.kind === 'video' && track.width)).toEqual([320, 1_280]);
  expect(target.units).toHaveLength(1 + 1 + 5);
  expect(toStream.videoSsrcs).toEqual([3]);
});

test('named layers become a track each, the best first, whichever comes first', () => {
  const target = new Recorder();
  const toStream = new ToStream([LAYERED], target);
  const low = camera(1, 'low');
  const high = camera(3, 'high');
  toStream.rtp(low(vp8(true, 320), true), 1_000);
  expect(target.formats).toEqual([]);
  toStream.rtp(high(vp8(true, 1_280), true), 1_010);
  expect(target.formats).toMatchObject([
    [
      { id: 3, width: 1_280 },
      { id: 1, width: 320 },
    ],
  ]);
  toStream.rtp(low(vp8(false), false), 1_033);
  toStream.rtp(high(vp8(false), false), 1_043);
  expect(target.units.map(({ track, key }) => [track, key])).toEqual([
    [1, true],
    [3, true],
    [1, false],
    [3, false],
  ]);
  expect(toStream.videoSsrcs).toEqual([1, 3]);
});

test('a layer that is known by its source need not name itself again, and one that nobody agreed on is a stray', () => {
  const target = new Recorder();
  const toStream = new ToStream([LAYERED], target);
  expect(toStream.rtp(camera(1, 'low')(vp8(true, 320), true), 1_000)).toBe(true);
  expect(toStream.rtp(camera(1)(vp8(false), false), 1_033)).toBe(true);
  expect(toStream.rtp(camera(7)(vp8(true), true), 1_033)).toBe(false);
  expect(toStream.rtp(camera(8, 'other')(vp8(true), true), 1_033)).toBe(false);
});

test('a layer that does not come is not waited for, and is told of when it does', () => {
  const target = new Recorder();
  const toStream = new ToStream([LAYERED], target);
  const low = camera(1, 'low');
  toStream.rtp(low(vp8(true, 320), true), 1_000);
  toStream.tick(2_600);
  expect(target.formats.map((tracks) => tracks.map(({ id }) => id))).toEqual([[1]]);
  toStream.rtp(camera(3, 'high')(vp8(true, 1_280), true), 3_000);
  expect(target.formats).toHaveLength(1);
  target.keyFrames.length = 0;
  toStream.tick(3_200);
  expect(target.formats.map((tracks) => tracks.map(({ id }) => id))).toEqual([[1], [3, 1]]);
  expect(target.keyFrames).toEqual([1]);
});

test('layers that change their size together interrupt once, and none loses its key frame', () => {
  const target = new Recorder();
  const toStream = new ToStream([LAYERED], target);
  const low = camera(1, 'low');
  const high = camera(3, 'high');
  toStream.rtp(low(vp8(true, 320), true), 1_000);
  toStream.rtp(high(vp8(true, 1_280), true), 1_010);
  target.keyFrames.length = 0;
  toStream.rtp(low(vp8(true, 160), true), 1_033);
  toStream.rtp(high(vp8(true, 640), true), 1_050);
  expect(target.formats.map((tracks) => tracks.map((track) => track.kind === 'video' && track.width))).toEqual([
    [1_280, 320],
    [640, 160],
  ]);
  expect(target.units.slice(2).map(({ track, key }) => [track, key])).toEqual([
    [1, true],
    [3, true],
  ]);
  expect(target.keyFrames).toEqual([]);
});

test('any bytes are packets, strays or protocol errors, and never more', () => {
  const plain = new ToStream([VIDEO, AUDIO], new Recorder());
  const layered = new ToStream([LAYERED, AUDIO], new Recorder());
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), fc.boolean(), fc.nat(10_000), (bytes, asVideo, hasLayers, now) => {
      const toStream = hasLayers ? layered : plain;
      if (bytes.length > 1) {
        bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x3f);
        bytes[1] = asVideo ? 96 : 111;
      }
      try {
        toStream.rtp(bytes, now);
        toStream.tick(now);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { seed: 3, numRuns: 3_000 },
  );
});

test('tells when numbered packets came, whatever their layer or loss', () => {
  const numbered: ExpectedMedium = { ...VIDEO, transportExtension: 3 };
  const toStream = new ToStream([numbered], new Recorder());
  for (const [number, atMs] of [
    [7, 1_000],
    [9, 1_020.5],
  ] as const) {
    const extensions = [{ id: 3, value: Uint8Array.of(0, number) }];
    const packet = new Uint8Array(rtpHeaderBytes(extensions) + 60);
    writeRtpHeader(packet, { marker: true, payloadType: 96, sequence: number, timestamp: 0, ssrc: 5 }, extensions);
    packet.set(vp8(true), rtpHeaderBytes(extensions));
    expect(toStream.rtp(packet, 1_700_000_000_000, atMs)).toBe(true);
  }
  expect(readTransportFeedback(toStream.arrivals(1) ?? new Uint8Array(0))).toMatchObject({
    sender: 1,
    media: 5,
    packets: [
      [7, 1_000_000],
      [8, undefined],
      [9, 1_020_500],
    ],
  });
  expect(toStream.arrivals(1)).toBeUndefined();
});

test('what was lost in an outage is not asked for: pictures go on with the first key frame after it', () => {
  const target = new Recorder();
  const toStream = new ToStream([VIDEO, AUDIO], target);
  const shoot = camera(1);
  for (let i = 0; i < 40; i++) {
    toStream.rtp(speech(i), 1_000 + i * 33);
    toStream.rtp(shoot(vp8(i === 0), i === 0), 1_000 + i * 33);
  }
  const before = target.units.length;
  const lost = Array.from({ length: 100 }, (_, i) => shoot(vp8(i === 50), i === 50));
  const back = 1_000 + 140 * 33;
  toStream.rtp(shoot(vp8(false), false), back);
  expect(target.keyFrames).toContain(1);
  for (let ms = 0; ms <= 500; ms += 20) toStream.tick(back + ms);
  expect(target.asked).toEqual([]);
  // A publisher may send it again by itself.
  toStream.rtp(lost[50] ?? new Uint8Array(), back + 500);
  expect(target.units).toHaveLength(before);
  toStream.rtp(shoot(vp8(true), true), back + 520);
  expect(target.units.slice(before)).toMatchObject([{ track: 1, key: true }]);
});
