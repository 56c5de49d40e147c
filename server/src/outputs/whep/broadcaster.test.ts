import type { VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { Hub } from '../../stream/hub.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, VIDEO } from '../../stream/testing/source.ts';
import { type Audience, Broadcaster } from './broadcaster.ts';
import type { TierSource } from './tier-sizes.ts';
import type { PictureForm, TrackSource } from './track-source.ts';

const VP8: VideoTrack = { ...VIDEO, codec: 'vp8', codecString: 'vp8', config: new Uint8Array(0) };

/** One slice behind its length. */
const H264_FRAME = Uint8Array.of(0, 0, 0, 3, 0x65, 1, 2);

class Viewer implements Audience {
  readonly told: string[] = [];
  packets(): void {
    this.told.push('packets');
  }
  interrupted(): void {
    this.told.push('interrupted');
  }
  sizesChanged(): void {
    this.told.push('sizes');
  }
  report(): void {
    this.told.push('report');
  }
  dismiss(reason: string): void {
    this.told.push(reason);
  }
}

function world(tiers?: TierSource, form: PictureForm = 'published') {
  const clock = new FakeClock();
  let ids = 0;
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged() {} }, makeSinks: () => [] });
  hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '', onEvicted() {} } });
  const stream = hub.get('one');
  if (!stream) throw new Error('a stream was published');
  let isFed = true;
  let isIdle = false;
  const source: TrackSource = { open: () => ({ requestKeyFrame() {}, close: () => (isFed = false) }) };
  const broadcaster = new Broadcaster({ stream, source, form, tiers, clock, log: silentLog, newSsrc: () => ++ids, onIdle: () => (isIdle = true) });
  return { clock, broadcaster, state: () => ({ isFed, isIdle }) };
}

test('viewers keep their logs when a publisher returns with the same codec, and are sent away when it brings another', () => {
  const { broadcaster } = world();
  const viewer = new Viewer();
  broadcaster.tracks([VP8]);
  broadcaster.join(viewer);
  const log = broadcaster.video?.log;
  broadcaster.unit(picture(0, true));
  broadcaster.tracks([VP8]);
  expect(broadcaster.video?.log).toBe(log);
  expect(viewer.told).toEqual(['packets', 'interrupted']);
  broadcaster.tracks([{ ...VP8, codec: 'vp9', codecString: 'vp09.00.10.08' }]);
  expect(viewer.told.at(-1)).toBe('formats_changed');
  expect(broadcaster.video?.log).not.toBe(log);
});

test('sound that WebRTC does not carry is left out', async () => {
  const { broadcaster } = world();
  broadcaster.tracks([VP8, AUDIO]);
  expect(await broadcaster.ready()).toBe(true);
  expect(broadcaster.video).toBeDefined();
  expect(broadcaster.audio).toBeUndefined();
});

test('pictures out of order send viewers away', () => {
  const { broadcaster } = world();
  const viewer = new Viewer();
  broadcaster.tracks([VP8]);
  broadcaster.join(viewer);
  broadcaster.unit(picture(0, true));
  broadcaster.unit({ ...picture(0.04), pts: picture(0.12).pts });
  expect(broadcaster.isReordered).toBe(false);
  broadcaster.unit(picture(0.08));
  expect(broadcaster.isReordered).toBe(true);
  expect(viewer.told).toContain('formats_changed');
});

test('it is open as long as somebody watches or may come, and no longer', () => {
  const { broadcaster, clock, state } = world();
  const viewer = new Viewer();
  const release = broadcaster.reserve();
  broadcaster.join(viewer);
  const second = broadcaster.reserve();
  release();
  clock.advance(500);
  expect(viewer.told).toEqual(['report']);
  broadcaster.leave(viewer);
  expect(state()).toEqual({ isFed: true, isIdle: false });
  second();
  expect(state()).toEqual({ isFed: false, isIdle: true });
});

test('who waits for tracks that never come is told so', async () => {
  const { broadcaster, clock } = world();
  const ready = broadcaster.ready();
  clock.advance(5_000);
  expect(await ready).toBe(false);
});

test('sizes of one picture share a source; one that falls silent is told of, and one that comes again', () => {
  const { broadcaster } = world();
  const viewer = new Viewer();
  broadcaster.tracks([VIDEO, SMALL_VIDEO]);
  broadcaster.join(viewer);
  const [large, small] = broadcaster.sizes;
  expect([large?.carried.track.id, small?.carried.track.id]).toEqual([VIDEO.id, SMALL_VIDEO.id]);
  expect(small?.log).not.toBe(large?.log);
  expect(small?.log.ssrc).toBe(large?.log.ssrc);
  for (let frame = 0; frame < 30; frame++) {
    if (frame < 5) broadcaster.unit({ ...picture(frame / 30, frame === 0), data: H264_FRAME });
    broadcaster.unit({ ...smallPicture(frame / 30, frame === 0), data: H264_FRAME });
  }
  expect(broadcaster.sizes).toEqual([small]);
  expect(broadcaster.video).toBe(large);
  // Chosen by name, the one that is silent is stood in for by the next smaller.
  const [best, least] = broadcaster.layers.map(({ rid }) => rid);
  expect([best, least].map((rid) => broadcaster.sizeAt(broadcaster.levelOf(rid ?? '') ?? -1))).toEqual([small, small]);
  broadcaster.unit({ ...picture(1, true), data: H264_FRAME });
  expect(broadcaster.sizes).toEqual([large, small]);
  expect([best, least].map((rid) => broadcaster.levelOf(rid ?? ''))).toEqual([0, 1]);
  expect(viewer.told.filter((told) => told !== 'packets')).toEqual(['sizes', 'sizes']);
});

describe('of a picture that comes in one size', () => {
  const TIER: VideoTrack = { ...SMALL_VIDEO, id: 10_010 };

  function ladder() {
    const told: { begin(tier: string, track: VideoTrack): void; unit(unit: Unit): void; rest(tiers: readonly string[]): void }[] = [];
    const shape = (name: string, width: number, height: number) => ({ name, track: { width, height }, bitsPerSecond: 1_000 * height });
    const state = { tiers: [shape('360p', 640, 360), shape('240p', 426, 240)], uses: 0, isClosed: false };
    const tiers: TierSource = {
      follow: (_stream, listener) => {
        told.push(listener);
        return {
          get tiers() {
            return state.tiers;
          },
          used: () => state.uses++,
          close: () => (state.isClosed = true),
        };
      },
    };
    const tier = (seconds: number, key = false): Unit => ({ ...picture(seconds, key), track: TIER.id, data: H264_FRAME });
    return { tiers, state, tier, begin: () => told[0]?.begin('360p', TIER), rest: () => told[0]?.rest(['360p']), unit: (unit: Unit) => told[0]?.unit(unit) };
  }

  test('tiers are sizes while they are wanted and come, and keep the source of the picture', () => {
    const { tiers, state, tier, begin, rest, unit } = ladder();
    const { broadcaster } = world(tiers);
    const viewer = new Viewer();
    broadcaster.tracks([VIDEO]);
    broadcaster.join(viewer);
    begin();
    unit(tier(0, true));
    expect(broadcaster.sizes).toEqual([broadcaster.video, undefined, undefined]);
    expect(broadcaster.sizeAt(2)).toBe(broadcaster.video);
    broadcaster.wantSmaller();
    expect(state.uses).toBe(1);
    const size = broadcaster.sizeAt(1);
    expect(size?.carried.track).toBe(TIER);
    expect(size?.log.ssrc).toBe(broadcaster.video?.log.ssrc);
    // Of the next smaller, which does not come, the next larger stands in.
    expect(broadcaster.sizeAt(2)).toBe(size);
    unit(tier(0.1));
    expect(size?.log.next).toBeGreaterThan(0);
    rest();
    expect(broadcaster.sizeAt(1)).toBe(broadcaster.video);
    // What is on its way still reaches who is on it.
    const before = size?.log.next ?? 0;
    unit(tier(0.2));
    expect(size?.log.next).toBeGreaterThan(before);
    begin();
    expect(broadcaster.sizeAt(1)).not.toBe(size);
    expect(viewer.told.filter((told) => told !== 'packets')).toEqual(['sizes', 'sizes']);
    state.tiers = [];
    expect(broadcaster.sizes).toEqual([broadcaster.video]);
  });

  test('tiers are sizes of a picture in another codec for viewers who were promised both', () => {
    const { tiers, begin } = ladder();
    const { broadcaster } = world(tiers, 'either');
    broadcaster.tracks([VP8]);
    begin();
    broadcaster.wantSmaller();
    expect(broadcaster.sizes.map((size) => size?.log.codec)).toEqual(['vp8', 'h264', undefined]);
  });

  test('all of them can be chosen by name, whether or not they come', () => {
    const { tiers, state } = ladder();
    const { broadcaster } = world(tiers);
    broadcaster.tracks([VIDEO]);
    expect(broadcaster.layers).toEqual([
      { rid: `${VIDEO.height}p`, width: VIDEO.width, height: VIDEO.height },
      { rid: '360p', width: 640, height: 360, targetBitrate: 360_000 },
      { rid: '240p', width: 426, height: 240, targetBitrate: 240_000 },
    ]);
    expect(['240p', '360p', `${VIDEO.height}p`, '1080p'].map((rid) => broadcaster.levelOf(rid))).toEqual([2, 1, 0, undefined]);
    state.tiers = [];
    expect(broadcaster.levelOf('240p')).toBeUndefined();
  });

  test('nothing is kept of tiers that nobody wants any more', () => {
    const { tiers, state, tier, begin, unit } = ladder();
    const { broadcaster, clock } = world(tiers);
    const viewer = new Viewer();
    broadcaster.tracks([VIDEO]);
    broadcaster.join(viewer);
    broadcaster.wantSmaller();
    begin();
    clock.advance(11_000);
    expect(broadcaster.sizeAt(1)).toBe(broadcaster.video);
    unit(tier(0, true));
    expect(viewer.told).not.toContain('packets');
    broadcaster.leave(viewer);
    expect(state.isClosed).toBe(true);
  });

  test('tiers are no sizes of a picture in another codec, which viewers were not promised, nor of one that comes in several', () => {
    const { tiers, state, begin } = ladder();
    for (const tracks of [[VP8], [VIDEO, SMALL_VIDEO]]) {
      const { broadcaster } = world(tiers);
      broadcaster.tracks(tracks);
      begin();
      broadcaster.wantSmaller();
      expect(broadcaster.sizes).toHaveLength(tracks.length);
    }
    expect(state.uses).toBe(0);
  });
});
