import { writeAmf0 } from '@millrace/media/amf/write';
import { concat, u32Bytes } from '@millrace/media/big-endian';
import { fuzz } from '@millrace/media/fuzzing';
import { type Message, MessageType } from '@millrace/media/rtmp/message';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { describe, expect, test } from 'vitest';
import { ToStream } from './to-stream.ts';

const AVCC = Uint8Array.from([1, 66, 0, 30, 0xff, 0xe1, 0, 6, 0x67, 66, 0, 30, 0xfb, 0xc8, 1, 0, 2, 0x68, 0xce]);
const CONFIG = concat(Uint8Array.of(0x17, 0, 0, 0, 0), AVCC);
const KEY = Uint8Array.of(0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88);
const DELTA = Uint8Array.of(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x88);
const ASC = Uint8Array.of(0xaf, 0, 0x12, 0x10);
const AAC = Uint8Array.of(0xaf, 1, 1, 2, 3);

class Recorder {
  readonly formats: (readonly Track[])[] = [];
  readonly units: Unit[] = [];
  readonly arrivals: number[] = [];
  since: number | undefined;
  readonly refused: string[] = [];
  drops = 0;
  readonly toStream = new ToStream({
    tracks: (tracks, since) => {
      this.since ??= since;
      this.formats.push(tracks);
    },
    unit: (unit, arrivedAt) => {
      this.arrivals.push(arrivedAt);
      this.units.push(unit);
    },
    unsupported: (what) => {
      this.refused.push(what);
    },
    dropped: (units) => {
      this.drops += units;
    },
  });

  video(timestamp: number, payload: Uint8Array): void {
    this.take(MessageType.video, timestamp, payload);
  }

  audio(timestamp: number, payload: Uint8Array): void {
    this.take(MessageType.audio, timestamp, payload);
  }

  promise(...names: readonly string[]): void {
    this.take(MessageType.amf0Data, 0, writeAmf0('@setDataFrame', 'onMetaData', new Map(names.map((name) => [name, 7]))));
  }

  take(type: number, timestamp: number, payload: Uint8Array): void {
    const message: Message = { type, streamId: 1, timestamp, payload };
    this.toStream.take(message, 1_000 + message.timestamp);
  }

  kinds(): string[][] {
    return this.formats.map((tracks) => tracks.map((track) => track.kind));
  }
}

describe('tracks are announced', () => {
  test('together, and what came before is not lost', () => {
    const recorder = new Recorder();
    recorder.promise('videocodecid', 'audiocodecid');
    recorder.video(0, CONFIG);
    recorder.video(0, KEY);
    recorder.video(33, DELTA);
    expect(recorder.units).toHaveLength(0);
    recorder.audio(40, ASC);
    expect(recorder.kinds()).toEqual([['video', 'audio']]);
    expect(recorder.units.map((unit) => [unit.dts, unit.key])).toEqual([
      [0, true],
      [2970, false],
    ]);
    expect(recorder.since).toBe(1_000);
    expect(recorder.arrivals).toEqual([1_000, 1_033]);
  });

  test('at once when the metadata promises no other', () => {
    const recorder = new Recorder();
    recorder.promise('audiocodecid');
    recorder.audio(0, ASC);
    expect(recorder.kinds()).toEqual([['audio']]);
  });

  test('after a second of media when the other does not come, and again when it does', () => {
    const recorder = new Recorder();
    recorder.video(500, CONFIG);
    recorder.video(500, KEY);
    recorder.video(1499, DELTA);
    expect(recorder.formats).toHaveLength(0);
    recorder.video(1500, DELTA);
    expect(recorder.kinds()).toEqual([['video']]);
    recorder.audio(1520, ASC);
    expect(recorder.kinds()).toEqual([['video'], ['video', 'audio']]);
  });

  test('when their owner says that waiting is over', () => {
    const recorder = new Recorder();
    recorder.video(0, CONFIG);
    expect(recorder.toStream.isWaiting).toBe(true);
    recorder.toStream.announce();
    expect(recorder.toStream.isWaiting).toBe(false);
    expect(recorder.kinds()).toEqual([['video']]);
  });

  test('anew when a configuration changes, not when it is repeated', () => {
    const recorder = new Recorder();
    recorder.promise('videocodecid');
    recorder.video(0, CONFIG);
    recorder.video(10, CONFIG);
    expect(recorder.formats).toHaveLength(1);
    recorder.video(20, concat(CONFIG, Uint8Array.of(0)));
    expect(recorder.formats).toHaveLength(2);
  });

  test('with the size that a key frame brings', () => {
    const recorder = new Recorder();
    recorder.promise('videocodecid');
    recorder.video(0, concat(Uint8Array.of(0x90), Buffer.from('vp09'), Uint8Array.of(0, 21, 0x82, 2, 2, 2, 0, 0)));
    expect(recorder.formats).toHaveLength(0);
    recorder.video(0, concat(Uint8Array.of(0x91), Buffer.from('vp09'), Buffer.from('824983420027f016760838241c18', 'hex')));
    expect(recorder.formats).toMatchObject([[{ codec: 'vp9', width: 640, height: 360 }]]);
    expect(recorder.units).toHaveLength(1);
  });
});

describe('several sizes of a picture', () => {
  /** A packet of one track of its own. */
  function sized(trackId: number, type: 'config' | 'key', data: Uint8Array): Uint8Array {
    return concat(Uint8Array.of(0x96, type === 'config' ? 0 : 3), Buffer.from('avc1'), Uint8Array.of(trackId), data);
  }

  test('become tracks beside the first, and their frames units at the same time', () => {
    const recorder = new Recorder();
    recorder.promise('videocodecid');
    recorder.video(0, CONFIG);
    recorder.video(0, sized(1, 'config', AVCC));
    recorder.video(0, sized(2, 'config', AVCC));
    expect(recorder.formats.at(-1)?.map(({ id, kind }) => [id, kind])).toEqual([
      [1, 'video'],
      [3, 'video'],
      [4, 'video'],
    ]);
    recorder.video(40, KEY);
    recorder.video(40, sized(1, 'key', KEY.subarray(5)));
    recorder.video(40, sized(2, 'key', KEY.subarray(5)));
    expect(recorder.units.map(({ track, dts, key }) => [track, dts, key])).toEqual([
      [1, 3_600, true],
      [3, 3_600, true],
      [4, 3_600, true],
    ]);
    expect(recorder.refused).toEqual([]);
  });

  test('are four at most, and of one codec', () => {
    const recorder = new Recorder();
    recorder.promise('videocodecid');
    recorder.video(0, CONFIG);
    for (let trackId = 1; trackId < 9; trackId++) recorder.video(0, sized(trackId, 'config', AVCC));
    expect(recorder.formats.at(-1)).toHaveLength(4);
    expect(recorder.refused).toEqual(['additional video tracks']);
  });
});

describe('units', () => {
  function running(): Recorder {
    const recorder = new Recorder();
    recorder.promise('videocodecid', 'audiocodecid');
    recorder.video(0, CONFIG);
    recorder.audio(0, ASC);
    return recorder;
  }

  test('of audio stay gapless on jittering milliseconds and follow a real gap', () => {
    const recorder = running();
    for (const time of [0, 23, 46, 70, 93, 2000, 2023]) recorder.audio(time, AAC);
    expect(recorder.units.map((unit) => unit.dts)).toEqual([0, 1024, 2048, 3072, 4096, 88_200, 89_224]);
  });

  test('of silence are none', () => {
    const recorder = running();
    recorder.audio(0, new Uint8Array(0));
    recorder.audio(0, Uint8Array.of(0xaf, 1));
    expect(recorder.units).toHaveLength(0);
    expect(recorder.drops).toBe(0);
  });

  test('keep counting across the wraps of 24 and 32 bits', () => {
    const recorder = running();
    for (const time of [0xfffff0, 0x1000010, 0x70000000, 0xc0000000, 0xfffffff0, 0x10]) recorder.video(time, KEY);
    const times = recorder.units.map((unit) => unit.dts / 90);
    expect(times.slice(0, 2)).toEqual([0xfffff0, 0x1000010]);
    expect(times.at(-1)).toBe(2 ** 32 + 0x10);
  });

  test('carry signed composition times and nanosecond offsets', () => {
    const recorder = running();
    recorder.video(100, KEY.with(4, 66));
    recorder.video(200, concat(Uint8Array.of(0x97, 2, 0x07, 0xa1, 0x20, 0x03), Buffer.from('avc1'), KEY.subarray(5)));
    expect(recorder.units.map(({ dts, pts }) => [dts, pts])).toEqual([
      [9000, 9000 + 66 * 90],
      [18_045, 18_045],
    ]);
  });

  test('are key frames only when the flag and the pictures agree', () => {
    const recorder = running();
    recorder.video(0, KEY);
    recorder.video(33, DELTA.with(0, 0x17));
    expect(recorder.units.map((unit) => unit.key)).toEqual([true, false]);
  });

  test('of Annex B and of short lengths come out with lengths of four bytes', () => {
    const recorder = running();
    recorder.video(0, concat(KEY.subarray(0, 5), u32Bytes(1), Uint8Array.of(0x65, 0x88)));
    recorder.video(0, concat(CONFIG.with(9, 0xfd)));
    recorder.video(33, concat(KEY.subarray(0, 5), Uint8Array.of(0, 2, 0x65, 0x88)));
    for (const unit of recorder.units) expect([...unit.data]).toEqual([0, 0, 0, 2, 0x65, 0x88]);
    expect(recorder.units).toHaveLength(2);
  });

  test('that are damaged are dropped and counted', () => {
    const recorder = running();
    recorder.video(0, KEY.with(8, 200));
    expect(recorder.drops).toBe(1);
    expect(recorder.units).toHaveLength(0);
  });

  test('of codecs and tracks that are not served are counted and named once', () => {
    const recorder = running();
    for (let i = 0; i < 3; i++) recorder.video(0, concat(Uint8Array.of(0x96, 0x03), Buffer.from('hvc1'), Uint8Array.of(1, 0)));
    for (let i = 0; i < 3; i++) recorder.audio(0, Uint8Array.of(0xb0, 1));
    expect(recorder.refused).toEqual(['additional video tracks', 'Speex']);
    expect(recorder.drops).toBe(6);
  });

  test('never come of garbage, which throws nothing but ProtocolError', () => {
    for (const type of [MessageType.video, MessageType.audio, MessageType.amf0Data, MessageType.aggregate]) {
      fuzz((bytes) => running().take(type, 0, bytes), [CONFIG, KEY, ASC, AAC, writeAmf0('onMetaData', new Map())]);
    }
  });
});
