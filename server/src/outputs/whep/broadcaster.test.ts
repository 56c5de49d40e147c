import type { VideoTrack } from '@millrace/media/track';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { Hub } from '../../stream/hub.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, VIDEO } from '../../stream/testing/source.ts';
import { type Audience, Broadcaster } from './broadcaster.ts';
import type { TrackSource } from './track-source.ts';

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

function world() {
  const clock = new FakeClock();
  let ids = 0;
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged() {} }, makeSinks: () => [] });
  hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '', onEvicted() {} } });
  const stream = hub.get('one');
  if (!stream) throw new Error('a stream was published');
  let isFed = true;
  let isIdle = false;
  const source: TrackSource = { open: () => ({ requestKeyFrame() {}, close: () => (isFed = false) }) };
  const broadcaster = new Broadcaster({ stream, source, clock, log: silentLog, newSsrc: () => ++ids, onIdle: () => (isIdle = true) });
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
  expect(broadcaster.isClosed).toBe(true);
});

test('who waits for tracks that never come is told so', async () => {
  const { broadcaster, clock } = world();
  const ready = broadcaster.ready();
  clock.advance(3_000);
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
  broadcaster.unit({ ...picture(1, true), data: H264_FRAME });
  expect(broadcaster.sizes).toEqual([large, small]);
  expect(viewer.told.filter((told) => told !== 'packets')).toEqual(['sizes', 'sizes']);
});
