import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeMedia } from '../../outputs/cmaf/testing/encoded-media.ts';
import type { DemuxedStream } from '../../transports/ffmpeg/messages.ts';
import { type StreamTarget, ToStream } from './to-stream.ts';

class Recorder implements StreamTarget {
  readonly formats: (readonly Track[])[] = [];
  readonly units: Unit[] = [];
  readonly refused: string[] = [];
  lost = 0;

  tracks(tracks: readonly Track[]): void {
    this.formats.push(tracks);
  }

  unit(unit: Unit): void {
    this.units.push(unit);
  }

  unsupported(codec: string): void {
    this.refused.push(codec);
  }

  dropped(units: number): void {
    this.lost += units;
  }
}

const VIDEO: DemuxedStream = {
  ...{ index: 0, kind: 'video', codec: 'h264', timescale: 90_000, extraData: new Uint8Array(0) },
  ...{ width: 320, height: 180, sampleRate: 0, channels: 0 },
};
const AUDIO: DemuxedStream = { ...VIDEO, index: 1, kind: 'audio', codec: 'aac', width: 0, height: 0, sampleRate: 48_000, channels: 2 };
const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** The NAL units of a sample or of avcC as they stand in MPEG-TS. */
function annexB(units: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(units.flatMap((unit) => [START_CODE, unit]));
}

describe('packets of a source', () => {
  test('give the same units whether their container has lengths or start codes', async () => {
    const { tracks, units } = await encodeMedia({
      video: { source: 'testsrc2=size=320x180:rate=30:duration=1', args: ['-c:v', 'libx264', '-bf', '2', '-g', '15', '-bsf:v', 'dump_extra'] },
    });
    const [track] = tracks;
    if (!track) throw new Error('nothing was encoded');
    const outcomes = [track.config, new Uint8Array(0)].map((extraData) => {
      const heard = new Recorder();
      const toStream = new ToStream([{ ...VIDEO, timescale: track.timescale, extraData }], heard);
      for (const { dts, pts, key, data } of units) toStream.packet({ stream: 0, dts, pts, key, data: extraData.length > 0 ? data : annexB(nalsOf(data)) });
      return heard;
    });
    const [withLengths, withStartCodes] = outcomes;
    expect(withLengths?.formats).toHaveLength(1);
    expect(withLengths?.formats[0]).toMatchObject([{ kind: 'video', codec: 'h264', width: 320, height: 180, timescale: 90_000, config: track.config }]);
    expect(withLengths?.units).toHaveLength(30);
    expect(withLengths?.units.filter(({ key }) => key)).toHaveLength(2);
    expect(withStartCodes?.formats).toEqual(withLengths?.formats);
    expect(withStartCodes?.units).toEqual(withLengths?.units);
  });

  test('of sound are counted in samples', () => {
    const heard = new Recorder();
    const toStream = new ToStream([{ ...AUDIO, timescale: 1_000, extraData: Uint8Array.of(0x11, 0x90) }], heard);
    for (let i = 0; i < 50; i++) toStream.packet({ stream: 1, dts: Math.round((i * 1024) / 48), pts: Math.round((i * 1024) / 48), key: true, data: Uint8Array.of(0x21, i) });
    expect(heard.units.map(({ dts }) => dts)).toEqual(Array.from({ length: 50 }, (_, i) => i * 1024));
  });

  test('of one kind wait for the other, but not for long', () => {
    const heard = new Recorder();
    const toStream = new ToStream([VIDEO, { ...AUDIO, extraData: Uint8Array.of(0x11, 0x90), timescale: 48_000 }], heard);
    const at = (seconds: number) => toStream.packet({ stream: 1, dts: seconds * 48_000, pts: seconds * 48_000, key: true, data: Uint8Array.of(1) });
    at(0);
    at(1.9);
    expect(heard.formats).toEqual([]);
    at(2);
    expect(heard.formats).toMatchObject([[{ kind: 'audio' }]]);
    expect(heard.units).toHaveLength(3);
  });

  test('of codecs that nobody plays are named', () => {
    const heard = new Recorder();
    const toStream = new ToStream([VIDEO, { ...AUDIO, codec: { unsupported: 'pcm_alaw' } }], heard);
    expect(heard.refused).toEqual(['pcm_alaw']);
    expect(toStream.isServed).toBe(true);
    expect(new ToStream([{ ...AUDIO, codec: 'flac' }], heard).isServed).toBe(false);
  });

  test('never bring anything down, whatever is in them', () => {
    const codec = fc.constantFrom('h264', 'hevc', 'av1', 'vp9', 'vp8', 'aac', 'opus', 'mp3', 'flac', 'ac3', 'eac3');
    const prefix = fc.constantFrom<number[]>(
      [],
      [0, 0, 0, 1, 0x67],
      [0, 0, 1, 0x40, 1],
      [1, 0x64, 0, 0x1f, 0xff, 0xe1],
      [0xff, 0xf1, 0x4c, 0x40],
      [...Buffer.from('OpusHead'), 1, 2],
      [0x81, 4, 12, 0],
    );
    const bytes = fc.tuple(prefix, fc.uint8Array({ maxLength: 60 })).map(([head, tail]) => Uint8Array.of(...head, ...tail));
    fc.assert(
      fc.property(codec, bytes, fc.array(fc.tuple(bytes, fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.boolean()), { maxLength: 8 }), (name, extraData, packets) => {
        const heard = new Recorder();
        const isVideo = ['h264', 'hevc', 'av1', 'vp9', 'vp8'].includes(name);
        const toStream = new ToStream([{ ...(isVideo ? VIDEO : AUDIO), codec: name, extraData }], heard);
        for (const [data, dts, key] of packets) toStream.packet({ stream: isVideo ? 0 : 1, dts, pts: dts, key, data });
        for (const unit of heard.units) expect(unit.pts).toBeGreaterThanOrEqual(unit.dts);
      }),
      { numRuns: 2_000 },
    );
  });
});

function nalsOf(sample: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  for (let at = 0; at < sample.length; ) {
    const length = view.getUint32(at);
    units.push(sample.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return units;
}
