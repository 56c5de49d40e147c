import { setImmediate } from 'node:timers/promises';
import type { Track } from '@millrace/media/track';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Hub } from '../../stream/hub.ts';
import { AUDIO, collect, picture, VIDEO } from '../../stream/testing/source.ts';
import { goLive } from '../../transcode/testing/media.ts';
import { TargetFeed } from './target-feed.ts';

const MIB = 1024 * 1024;

test('what is held while a bridge starts is bounded in bytes, and goes on with a whole group of pictures', async () => {
  const clock = new FakeClock();
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => 'id', listener: { broadcastChanged() {} }, makeSinks: () => [] });
  const { stream, publication } = goLive(hub, 'a', [VIDEO, AUDIO]);
  let bridged: ((track: Track) => void) | undefined;
  const feed = new TargetFeed({
    stream,
    carries: ({ kind }) => kind === 'video',
    bridges: {
      acquire: () => ({
        subscribe(listener) {
          bridged = listener.track;
          return () => {};
        },
        release() {},
      }),
    },
  });
  const frames = 55;
  for (let frame = 0; frame < frames; frame++) {
    publication.unit(picture(frame / 25, frame % 10 === 0, MIB), clock.now());
    clock.advance(40);
    await setImmediate();
  }
  // 16 are dropped at the 17th, which begins no group, nor do the three behind it; and so on.
  expect(feed.droppedUnits).toBe(40);
  bridged?.(AUDIO);
  feed.close();
  const items = await collect(feed.queue);
  const units = items.flatMap((item) => (item.type === 'unit' ? [item.unit] : []));
  expect(items[0]).toEqual({ type: 'tracks', tracks: [VIDEO, AUDIO] });
  expect(units[0]?.key).toBe(true);
  expect(units).toHaveLength(frames - 40);
});
