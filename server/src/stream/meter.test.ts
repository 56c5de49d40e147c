import { expect, it } from 'vitest';
import { Meter } from './meter.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, sound, VIDEO } from './testing/source.ts';

it('measures rates over the time that passed', () => {
  const meter = new Meter();
  meter.tracks([VIDEO, AUDIO]);
  for (let frame = 0; frame < 50; frame++) meter.unit(picture(frame / 25, frame % 25 === 0, 1000));
  for (let frame = 0; frame < 94; frame++) meter.unit(sound(frame / 47, 100));
  expect(meter.read(2)).toEqual({
    video: {
      codec: 'avc1.64001f',
      width: 1280,
      height: 720,
      framesPerSecond: 25,
      bitsPerSecond: 200_000,
      keyFrameIntervalSeconds: 1,
      sinceKeyFrameSeconds: 0.96,
      bFrames: false,
    },
    audio: { codec: 'mp4a.40.2', sampleRate: 48_000, channels: 2, bitsPerSecond: 37_600 },
  });
  expect(meter.read(1)).toMatchObject({ video: { framesPerSecond: 0, bitsPerSecond: 0, keyFrameIntervalSeconds: 1 }, audio: { bitsPerSecond: 0 } });
});

it('knows the rates of a track that began in the middle of a second', () => {
  const meter = new Meter();
  meter.tracks([VIDEO]);
  for (let frame = 0; frame < 10; frame++) meter.unit(picture(frame / 25, frame === 0, 1000));
  expect(meter.read(1).video).toMatchObject({ framesPerSecond: 25, bitsPerSecond: 200_000 });
  // From then on what does not come is missed.
  for (let frame = 10; frame < 20; frame++) meter.unit(picture(frame / 25, false, 1000));
  expect(meter.read(1).video).toMatchObject({ framesPerSecond: 10, bitsPerSecond: 80_000 });
});

it('says null for a track that is not there', () => {
  const meter = new Meter();
  expect(meter.read(1)).toEqual({ video: null, audio: null });
  meter.tracks([AUDIO]);
  expect(meter.read(1).video).toBeNull();
});

it('sees B-frames by pictures shown out of order, not by a constant delay', () => {
  const meter = new Meter();
  const shown = (dts: number, pts: number) => meter.unit({ ...picture(dts, dts === 0), pts: Math.round(pts * 90_000) });
  meter.tracks([VIDEO]);
  for (const [dts, pts] of [[0, 0.08] as const, [0.04, 0.12] as const, [0.08, 0.16] as const]) shown(dts, pts);
  expect(meter.read(1).video?.bFrames).toBe(false);
  for (const [dts, pts] of [[0.12, 0.28] as const, [0.16, 0.2] as const]) shown(dts, pts);
  expect(meter.read(1).video?.bFrames).toBe(true);
});

it('forgets the key frames of before when the formats change', () => {
  const meter = new Meter();
  meter.tracks([VIDEO]);
  meter.unit(picture(0, true));
  meter.unit(picture(2, true));
  meter.tracks([VIDEO]);
  meter.unit(picture(30, true));
  expect(meter.read(1).video).toMatchObject({ keyFrameIntervalSeconds: null, sinceKeyFrameSeconds: 0 });
});

it('measures the best size of the picture that comes', () => {
  const meter = new Meter();
  meter.tracks([VIDEO, SMALL_VIDEO]);
  meter.unit(picture(0, true));
  meter.unit(smallPicture(0, true));
  expect(meter.read(1).video?.width).toBe(1280);
  meter.unit(smallPicture(1));
  expect(meter.read(1).video?.width).toBe(640);
});
