import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Hub } from '../../stream/hub.ts';
import { AUDIO, picture, RecordingSink, SMALL_VIDEO, smallPicture, sound, VIDEO } from '../../stream/testing/source.ts';
import { BridgedTracks } from './bridged-tracks.ts';
import type { PictureForm } from './track-source.ts';

const OPUS: Track = { ...AUDIO, id: 1_002, codec: 'opus', codecString: 'opus', config: new Uint8Array(11) };
const PLAIN: Track = { ...VIDEO, id: 1_001 };

interface Listener {
  track(track: Track): void;
  unit(unit: Unit): void;
  fail(): void;
}

async function world(tracks: readonly Track[], form: PictureForm = 'published') {
  const clock = new FakeClock();
  let ids = 0;
  const hub = new Hub({ clock, reconnectGraceMs: 60_000, newId: () => `id${++ids}`, listener: { broadcastChanged() {} }, makeSinks: () => [] });
  const publication = hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher: { protocol: 'test', remoteAddress: '', onEvicted() {} } });
  const stream = hub.get('one');
  if (!stream || !publication) throw new Error('a stream was published');
  publication.tracks(tracks);
  const bridges = new Map<string, Listener>();
  const released: string[] = [];
  const sink = new RecordingSink();
  const feed = new BridgedTracks({
    clock,
    bridges: {
      acquire: (_stream, { kind }) => ({
        subscribe: (listener) => {
          bridges.set(kind, listener);
          return () => {};
        },
        requestKeyFrame() {},
        release: () => released.push(kind),
      }),
    },
  }).open(stream, sink, form);
  /** Lets the stream's reader be read. */
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  await settle();
  const formats = () => sink.told.flatMap((told) => (told.type === 'tracks' ? [told.tracks.map(({ id }) => id)] : []));
  const units = () => sink.told.flatMap((told) => (told.type === 'unit' ? [told.unit.track] : []));
  return { clock, publication, bridges, released, feed, settle, formats, units };
}

test('sound in AAC comes through a bridge, and the pictures from before it are not lost', async () => {
  const { publication, bridges, settle, formats, units, feed, released } = await world([VIDEO, AUDIO]);
  publication.unit(picture(0, true));
  publication.unit(sound(0));
  await settle();
  expect(formats()).toEqual([]);
  bridges.get('audio')?.track(OPUS);
  expect(formats()).toEqual([[VIDEO.id, OPUS.id]]);
  expect(units()).toEqual([VIDEO.id]);
  bridges.get('audio')?.unit({ ...sound(0.02), track: OPUS.id });
  publication.unit(picture(0.04));
  await settle();
  expect(units()).toEqual([VIDEO.id, OPUS.id, VIDEO.id]);
  // The same format again is no reason to begin anew.
  bridges.get('audio')?.track(OPUS);
  expect(formats()).toHaveLength(1);
  feed.close();
  expect(released).toEqual(['audio']);
});

test('pictures with B-frames come through a bridge as soon as they show', async () => {
  const { publication, bridges, settle, formats, units } = await world([VIDEO]);
  publication.unit(picture(0, true));
  publication.unit({ ...picture(0.04), pts: picture(0.12).pts });
  await settle();
  expect(formats()).toEqual([[VIDEO.id]]);
  publication.unit(picture(0.08));
  await settle();
  expect([...bridges.keys()]).toEqual(['video']);
  expect(units()).toHaveLength(2);
  bridges.get('video')?.track(PLAIN);
  expect(formats()).toEqual([[VIDEO.id], [PLAIN.id]]);
});

test('pictures in a codec that a viewer lacks come through a bridge from the beginning; those in H.264 as they are', async () => {
  const hevc: Track = { ...VIDEO, codec: 'hevc', codecString: 'hvc1.1.6.L93.B0' };
  const { publication, bridges, settle, formats, units } = await world([hevc], 'h264');
  publication.unit(picture(0, true));
  await settle();
  expect(formats()).toEqual([]);
  bridges.get('video')?.track(PLAIN);
  bridges.get('video')?.unit({ ...picture(0, true), track: PLAIN.id });
  expect(formats()).toEqual([[PLAIN.id]]);
  expect(units()).toEqual([PLAIN.id]);
  for (const plain of [await world([hevc]), await world([VIDEO], 'h264')]) {
    plain.publication.unit(picture(0, true));
    await plain.settle();
    expect([plain.formats(), plain.bridges.size]).toEqual([[[VIDEO.id]], 0]);
  }
});

test('a bridge that does not come up is not waited for', async () => {
  const { clock, publication, settle, formats, units } = await world([VIDEO, AUDIO]);
  publication.unit(picture(0, true));
  await settle();
  clock.advance(4_000);
  expect(formats()).toEqual([[VIDEO.id]]);
  expect(units()).toEqual([VIDEO.id]);
});

test('of several sizes the best tells whether pictures are out of order, and one bridge stands for all', async () => {
  const { publication, bridges, settle, formats, units } = await world([VIDEO, SMALL_VIDEO]);
  for (const unit of [picture(0, true), smallPicture(0, true), picture(0.1), smallPicture(0.05), picture(0.2)]) publication.unit(unit);
  await settle();
  expect(bridges.size).toBe(0);
  expect(formats()).toEqual([[VIDEO.id, SMALL_VIDEO.id]]);
  expect(units()).toHaveLength(5);
  publication.unit({ ...picture(0.25), pts: picture(0.4).pts });
  publication.unit(picture(0.3));
  await settle();
  bridges.get('video')?.track(PLAIN);
  expect(formats().at(-1)).toEqual([PLAIN.id]);
});

test('a bridge that cannot work is not waited for', async () => {
  const { publication, bridges, settle, formats } = await world([VIDEO, AUDIO]);
  publication.unit(picture(0, true));
  await settle();
  expect(formats()).toEqual([]);
  bridges.get('audio')?.fail();
  expect(formats()).toEqual([[VIDEO.id]]);
});
