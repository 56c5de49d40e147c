import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { beforeEach, expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import type { PictureListener } from './picture-maker.ts';
import { Thumbnailer } from './thumbnailer.ts';

const LARGE: VideoTrack = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: Uint8Array.of(1), codecString: 'avc1', width: 1920, height: 1080 };
const MIDDLE: VideoTrack = { ...LARGE, id: 2, width: 960, height: 540 };
const SMALL: VideoTrack = { ...LARGE, id: 3, width: 480, height: 270 };

interface Opened {
  readonly source: VideoTrack;
  readonly listener: PictureListener;
  readonly alone: boolean;
  readonly given: Unit[];
  isClosed: boolean;
}

let clock: FakeClock;
let opened: Opened[];
let thumbnailer: Thumbnailer;

beforeEach(() => {
  clock = new FakeClock();
  opened = [];
  const makers = {
    open(source: VideoTrack, listener: PictureListener, alone: boolean) {
      const made: Opened = { source, listener, alone, given: [], isClosed: false };
      opened.push(made);
      return {
        make: (unit: Unit) => void made.given.push(unit),
        close: () => {
          made.isClosed = true;
        },
      };
    },
  };
  thumbnailer = new Thumbnailer({ makers, clock, log: quietLog() });
});

function keyFrame(track: VideoTrack, seconds: number): Unit {
  return { track: track.id, dts: seconds * 1000, pts: seconds * 1000, key: true, data: new Uint8Array(1) };
}

function streamOf(tracks: readonly VideoTrack[]) {
  return { broadcast: { streamId: 'stream', epoch: 'first', state: 'live' }, currentTracks: tracks, recentUnits: tracks.map((track) => keyFrame(track, 0)) };
}

const RUN = { epoch: 'run', createdAt: 0 };

/** What is given now is made. */
function made(size = 1): void {
  opened.at(-1)?.listener.made({ poster: new Uint8Array(size), sheet: new Uint8Array(1), place: { x: 0, y: 0, width: 160, height: 90 }, isFirst: true });
}

function given(): number[] {
  return opened.flatMap((each) => each.given.map(({ pts }) => pts / 1000));
}

it('decodes the smallest size that fills a poster', () => {
  thumbnailer.follow(streamOf([LARGE, MIDDLE, SMALL]), RUN);
  thumbnailer.look();
  expect(opened.map(({ source }) => source.id)).toEqual([MIDDLE.id]);
});

it('takes the largest when none does, and what has a key frame when another has none', () => {
  const stream = streamOf([SMALL, { ...SMALL, id: 4, width: 320 }]);
  thumbnailer.follow(stream, RUN);
  thumbnailer.look();
  expect(opened[0]?.source.id).toBe(SMALL.id);
  thumbnailer.follow({ ...streamOf([LARGE, MIDDLE]), recentUnits: [keyFrame(LARGE, 0)] }, RUN);
  thumbnailer.look();
  expect(opened[1]?.source.id).toBe(LARGE.id);
});

it.each([
  { every: 1, taken: [0, 9, 18, 27] },
  { every: 2, taken: [0, 8, 16, 24] },
  { every: 3, taken: [0, 9, 18, 27] },
  { every: 5, taken: [0, 5, 10, 15, 20, 25] },
  { every: 12, taken: [0, 12, 24] },
])('with a key frame every $every s takes the last one before the poster would be older than ten, or each', ({ every, taken }) => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  for (let second = 0; second < 30; second++) {
    stream.recentUnits = [keyFrame(LARGE, second - (second % every))];
    thumbnailer.look();
    made();
  }
  expect(given()).toEqual(taken);
});

it('takes one key frame at a time, and none twice', () => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  for (let seconds = 0; seconds <= 30; seconds += 2) {
    stream.recentUnits = [keyFrame(LARGE, seconds)];
    thumbnailer.look();
    thumbnailer.look();
    // The second one takes ten seconds: meanwhile others come and go.
    if (seconds < 8 || seconds >= 18) made();
  }
  expect(given()).toEqual([0, 8, 20, 28]);
  expect(thumbnailer.counters).toEqual({ made: 4, failed: 0 });
});

it('has other pictures once viewers are let in: what was seen in the preview is not shown to them', () => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  thumbnailer.look();
  made();
  const preview = thumbnailer.find('stream')?.pictures.poster;
  expect(preview).toBeDefined();
  stream.broadcast = { ...stream.broadcast, epoch: 'second' };
  thumbnailer.follow(stream, { epoch: 'second', createdAt: 0 });
  expect(thumbnailer.find('stream')?.pictures.poster).toBeUndefined();
  thumbnailer.look();
  made();
  expect(thumbnailer.find('stream')?.pictures.poster?.version).not.toBe(preview?.version);
});

it('keeps its poster while only the playlists begin anew', () => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  thumbnailer.look();
  made();
  thumbnailer.follow(stream, { epoch: 'run-two', createdAt: 0 });
  expect(thumbnailer.find('stream')?.pictures.poster).toBeDefined();
  expect(thumbnailer.find('stream')?.pictures.storyboard.tiles).toEqual([]);
  expect(opened[0]?.isClosed).toBe(true);
});

it('waits longer after each loss, alone from the second on, and not at all for another format', () => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  for (let seconds = 0; seconds < 100; seconds += 2) {
    stream.recentUnits = [keyFrame(LARGE, seconds)];
    const before = opened.length;
    thumbnailer.look();
    if (opened.length > before) opened.at(-1)?.listener.lost('crashed');
    clock.advance(2000);
  }
  expect(given()).toEqual([0, 8, 24, 56]);
  expect(opened.map(({ alone }) => alone)).toEqual([false, false, true, true]);
  stream.currentTracks = [{ ...LARGE, config: Uint8Array.of(2) }];
  thumbnailer.look();
  expect(opened).toHaveLength(5);
  expect(opened.at(-1)?.alone).toBe(false);
});

it('lets go of its maker when the broadcast ends, and of its pictures when that can no longer be played', () => {
  const stream = streamOf([LARGE]);
  thumbnailer.follow(stream, RUN);
  thumbnailer.look();
  made();
  stream.broadcast = { ...stream.broadcast, state: 'ended' };
  thumbnailer.look();
  expect(opened[0]?.isClosed).toBe(true);
  expect(thumbnailer.find('stream')?.pictures.poster).toBeDefined();
  clock.advance(60_000);
  expect(thumbnailer.find('stream')).toBeUndefined();
});
