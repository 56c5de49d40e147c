import type { LadderMeasurement, Measurement } from '@millrace/contract/entities/measurement';
import { Measurement as MeasurementSchema } from '@millrace/contract/entities/measurement';
import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { Hub } from '../stream/hub.ts';
import { AUDIO, picture, sound, VIDEO } from '../stream/testing/source.ts';
import { Measurer } from './measurer.ts';

const CONVERTED = { kind: 'audio', from: 'aac', to: 'opus', reason: 'CODEC', failed: false } as const;
const LADDER: LadderMeasurement = { tiers: [{ name: '480p', width: 854, height: 480, state: 'RUNNING' }], cores: 0.2, none: null };

function world() {
  const clock = new FakeClock();
  let ids = 0;
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged: () => {} }, makeSinks: () => [] });
  const measured: Measurement[] = [];
  const measurer = new Measurer({
    clock,
    streams: hub,
    bridges: { running: (stream) => (stream.currentTracks.some(({ kind }) => kind === 'audio') ? [CONVERTED] : []) },
    ladders: { stateOf: (stream) => (stream.currentTracks.length > 0 ? LADDER : undefined) },
    viewers: { count: () => 3 },
    listeners: [{ measured: (_broadcast, measurement) => measured.push(MeasurementSchema.parse(measurement)) }],
  });
  measurer.start();
  const publish = () => {
    const publication = hub.publish({
      streamId: 'stream',
      start: 'auto',
      secondPublisher: 'takeover',
      publisher: { protocol: 'test', remoteAddress: '', onEvicted: () => {} },
    });
    if (!publication) throw new Error('the seat is taken');
    publication.tracks([VIDEO, AUDIO]);
    return publication;
  };
  /** 25 pictures of 1000 bytes a second, each with sound. */
  const play = (publication: ReturnType<typeof publish>, from: number, seconds: number) => {
    for (let frame = 0; frame < seconds * 25; frame++) {
      publication.unit(picture(from + frame / 25, frame % 50 === 0, 1000));
      publication.unit(sound(from + frame / 25, 100));
      clock.advance(40);
    }
  };
  return { clock, hub, measured, measurer, publish, play };
}

it('tells each second what a running stream looks like, in the contract’s shape', () => {
  const { measured, publish, play } = world();
  play(publish(), 0, 3);
  expect(measured).toHaveLength(3);
  expect(measured[2]).toMatchObject({
    video: { codec: 'avc1.64001f', width: 1280, framesPerSecond: 25, bitsPerSecond: 200_000, keyFrameIntervalSeconds: 2, bFrames: false },
    audio: { sampleRate: 48_000, bitsPerSecond: 20_000 },
    droppedUnits: 0,
    discontinuities: 0,
    viewers: 3,
    warnings: [],
    bridges: [CONVERTED],
    ladder: LADDER,
  });
});

it('says nothing while the publisher is away, and counts the discontinuity of its return', () => {
  const { clock, measured, publish, play } = world();
  const first = publish();
  play(first, 0, 2);
  first.close('lost');
  clock.advance(10_000);
  expect(measured).toHaveLength(2);
  play(publish(), 0, 1);
  expect(measured).toHaveLength(3);
  expect(measured[2]).toMatchObject({ discontinuities: 1, video: { framesPerSecond: 25 } });
});

it('passes on drops, refused tracks and jumps', () => {
  const { measured, publish, play } = world();
  const publication = publish();
  play(publication, 0, 1);
  publication.countDropped(7);
  publication.refuseTrack('speex');
  play(publication, 5000, 1);
  expect(measured[1]).toMatchObject({ droppedUnits: 7, discontinuities: 1, warnings: ['TIMESTAMPS_REPAIRED', 'TRACK_NOT_SUPPORTED'] });
});

it('stops with its timer', () => {
  const { clock, measured, measurer, publish } = world();
  publish();
  measurer.close();
  clock.advance(5_000);
  expect(measured).toEqual([]);
});
