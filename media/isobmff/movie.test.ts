/** A movie's header names every sample where it lies, and its times are those of the samples. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../big-endian.ts';
import type { AudioTrack, VideoTrack } from '../track.ts';
import { type ChunkInput, writeChunkHead } from './chunk.ts';
import { headBytes, readFragmentHead } from './fragment-head.ts';
import { type MovieSample, MovieTrack, writeMovieHead } from './movie.ts';
import { BoxError, findBox, readBoxes, readSamples } from './read.ts';

const VIDEO: VideoTrack = { id: 1, kind: 'video', codec: 'h264', timescale: 90_000, config: Uint8Array.of(1, 100, 0, 31), codecString: 'avc1.64001f', width: 640, height: 360 };
const OTHER: VideoTrack = { ...VIDEO, config: Uint8Array.of(1, 66, 0, 30), width: 320, height: 180 };
const AUDIO: AudioTrack = { id: 2, kind: 'audio', codec: 'aac', timescale: 48_000, config: Uint8Array.of(0x11, 0x90), codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2 };

function chunk(input: Partial<ChunkInput> & Pick<ChunkInput, 'units'>): Uint8Array {
  const durations = input.units.map(() => 3000);
  return concat(writeChunkHead({ sequence: 1, kind: 'video', durations, ...input }), ...input.units.map(({ data }) => data));
}

function unit(dts: number, bytes: number, key = false, composition = 0) {
  return { track: 1, dts, pts: dts + composition, key, data: new Uint8Array(bytes).fill(dts & 0xff) };
}

describe('the head of a chunk', () => {
  it('tells what reading the whole chunk tells', () => {
    const unitOf = fc.record({ bytes: fc.nat(50), key: fc.boolean(), composition: fc.nat(9000) });
    fc.assert(
      fc.property(fc.array(unitOf, { minLength: 1, maxLength: 20 }), fc.constantFrom('video', 'audio'), fc.nat(2 ** 40), (made, kind, base) => {
        const units = made.map(({ bytes, key, composition }, i) => unit(base + i * 3000, bytes, key, composition));
        const bytes = chunk({ kind, units });
        const head = readFragmentHead(bytes.subarray(0, headBytes(bytes)));
        const samples = readSamples(bytes);
        expect(head.bytes).toBe(bytes.length);
        expect(head.dts).toBe(samples[0]?.dts);
        expect(head.samples.map((sample) => [sample.duration, sample.bytes, sample.composition, sample.key])).toEqual(
          samples.map((sample) => [sample.duration, sample.data.length, sample.pts - sample.dts, sample.key]),
        );
        expect(bytes.subarray(head.dataOffset)).toEqual(concat(...units.map(({ data }) => data)));
      }),
    );
  });

  it('is refused, and nothing worse, when it is anything else', () => {
    const good = chunk({ units: [unit(0, 10, true), unit(3000, 5, false, 3000)] });
    const refuses = (bytes: Uint8Array): void => {
      try {
        const head = readFragmentHead(bytes);
        expect(head.samples.length).toBeLessThanOrEqual(bytes.length);
        expect(head.bytes).toBeGreaterThanOrEqual(16);
      } catch (error) {
        expect(error).toBeInstanceOf(BoxError);
      }
    };
    for (let at = 0; at < good.length; at++) refuses(good.subarray(0, at));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refuses));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        refuses(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

function samples(count: number, from: number, step: number, composition: readonly number[] = [0]): MovieSample[] {
  return Array.from({ length: count }, (_, i) => ({
    dts: from + i * step,
    duration: step,
    bytes: 100 + i,
    composition: composition[i % composition.length] ?? 0,
    key: i % 5 === 0,
  }));
}

/** A table of 32-bit numbers behind its count. */
function table(head: Uint8Array, track: number, name: string): number[] {
  const moov = readBoxes(head.subarray(0, -16)).find(({ type }) => type === 'moov')?.content ?? new Uint8Array();
  const trak = readBoxes(moov).filter(({ type }) => type === 'trak')[track]?.content ?? new Uint8Array();
  const box = findBox(trak, `mdia/minf/stbl/${name}`);
  if (!box) return [];
  const view = new DataView(box.buffer, box.byteOffset, box.byteLength);
  return Array.from({ length: box.length / 4 - 1 }, (_, i) => view.getUint32(4 + i * 4));
}

describe('the header of a movie', () => {
  it('puts chunks where they are in the file, each with its description', () => {
    const movie = new MovieTrack(VIDEO);
    movie.addChunk(VIDEO, 50, samples(3, 0, 3000));
    movie.addChunk(VIDEO, 1000, samples(3, 9000, 3000));
    movie.addChunk(OTHER, 5000, samples(2, 18_000, 3000));
    movie.addChunk(VIDEO, 6000, samples(3, 24_000, 3000));
    const head = writeMovieHead([movie], 10_000);
    const offsets = table(head, 0, 'co64');
    expect(offsets[0]).toBe(4);
    expect(offsets.slice(1).filter((_, i) => i % 2 === 1)).toEqual([50, 1000, 5000, 6000].map((at) => head.length + at));
    expect(table(head, 0, 'stsc')).toEqual([3, 1, 3, 1, 3, 2, 2, 4, 3, 1]);
    expect(table(head, 0, 'stsd')[0]).toBe(2);
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    expect(String.fromCharCode(...head.subarray(head.length - 12, head.length - 8))).toBe('mdat');
    expect(Number(view.getBigUint64(head.length - 8))).toBe(10_016);
  });

  it('lets the last frame before a pause last until the next, and keeps times going forward', () => {
    const movie = new MovieTrack(AUDIO);
    movie.addChunk(AUDIO, 0, samples(2, 0, 1024));
    movie.addChunk(AUDIO, 500, samples(2, 10_000, 1024));
    movie.addChunk(AUDIO, 900, samples(1, 11_000, 1024));
    expect(table(writeMovieHead([movie], 1000), 0, 'stts')).toEqual([5, 1, 1024, 1, 8976, 1, 1024, 1, 1, 1, 1024]);
    expect(movie.seconds).toBeCloseTo((11_025 + 1024) / 48_000, 9);
  });

  it('shows tracks together that begin apart, and takes back what B-frames put off', () => {
    const video = new MovieTrack(VIDEO);
    video.addChunk(VIDEO, 0, samples(10, 90_000, 3000, [6000, 3000]));
    const audio = new MovieTrack(AUDIO);
    audio.addChunk(AUDIO, 5000, samples(10, 96_000, 1024));
    expect(video.startSeconds).toBeCloseTo(1 + 6000 / 90_000, 9);
    const head = writeMovieHead([video, audio], 9000);
    expect(table(head, 0, 'ctts').slice(0, 3)).toEqual([10, 1, 6000]);
    const moov = readBoxes(head.subarray(0, -16)).find(({ type }) => type === 'moov')?.content ?? new Uint8Array();
    const edits = readBoxes(moov)
      .filter(({ type }) => type === 'trak')
      .map(({ content }) => {
        const edts = readBoxes(content).find(({ type }) => type === 'edts')?.content ?? new Uint8Array();
        const elst = readBoxes(edts)[0]?.content ?? new Uint8Array();
        const view = new DataView(elst.buffer, elst.byteOffset, elst.byteLength);
        return Array.from({ length: view.getUint32(4) }, (_, i) => [Number(view.getBigUint64(8 + i * 20)), Number(view.getBigInt64(16 + i * 20))]);
      });
    // The picture at once, from its first frame on; the sound 933 ms later.
    expect(edits).toEqual([
      [[Math.round((10 * 3000 - 6000) / 90), 6000]],
      [
        [933, -1],
        [Math.round((10 * 1024) / 48), 0],
      ],
    ]);
    expect(table(head, 0, 'stss')).toEqual([2, 1, 6]);
    expect(table(head, 1, 'stss')).toEqual([2, 1, 6]);
  });
});
