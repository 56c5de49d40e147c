/** What players get through real bridges, reload by reload, while publishers come and go. */
import { PlaylistChecker } from '@millrace/media/m3u8/check-playlist';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { quietLog } from '../../lib/testing/quiet-log.ts';
import { Hub } from '../../stream/hub.ts';
import { Bridges } from '../../transcode/bridges.ts';
import type { BridgeWant } from '../../transcode/derived-track.ts';
import { WorkerPool } from '../../transcode/pool.ts';
import { beeps, encodeIvf, goLive, publish, Recorder, VP8 } from '../../transcode/testing/media.ts';
import { multivariantText, PlaylistTexts } from '../hls/from-stream.ts';
import { BridgedSink } from './bridged-sink.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import { PackagerRegistry } from './registry.ts';
import { encodeMedia } from './testing/encoded-media.ts';

const SECONDS = 5;
const SOUND = { source: beeps(SECONDS, [1, 3], 48_000), args: ['-c:a', 'libopus', '-strict', '-2'] };

/** A server's middle: streams, bridges, packagers, and a player that looks at every playlist whenever it may have changed. */
function openWorld() {
  let ids = 0;
  const log = quietLog();
  const registry = new PackagerRegistry({ clock });
  const pool = new WorkerPool({ clock, log, maxWorkers: 2 });
  const bridges = new Bridges({ pool, clock, log });
  const hub = new Hub({
    clock,
    reconnectGraceMs: 60_000,
    newId: () => `id${++ids}`,
    listener: { broadcastChanged() {} },
    makeSinks: (stream) => {
      const makePackager = (epoch: string) => new Packager({ broadcast: { epoch, createdAt: stream.broadcast.createdAt }, clock, config: DEFAULT_PACKAGER_CONFIG });
      return [new BridgedSink({ stream, bridges, registry, clock, makePackager, newEpoch: () => `epoch${++ids}` })];
    },
  });
  const texts = new PlaylistTexts();
  const checkers = new Map<string, PlaylistChecker>();
  const faults: string[] = [];
  let reloads = 0;
  const look = () => {
    const packager = registry.get('s');
    if (!packager?.ready) return;
    for (const rendition of packager.renditions) {
      const checker = checkers.get(rendition.name) ?? new PlaylistChecker();
      checkers.set(rendition.name, checker);
      reloads++;
      for (const fault of checker.check(Buffer.from(texts.media(packager, rendition, '', false).plain).toString())) faults.push(`${rendition.name}: ${fault}`);
    }
  };
  return {
    hub,
    bridges,
    registry,
    faults,
    look,
    reloads: () => reloads,
    [Symbol.dispose]() {
      hub.stop('s', 'stopped');
      bridges.close();
      pool.close();
    },
  };
}

/** Publishes as fast as the bridge works, with a look at the playlists whenever it gives something. */
async function broadcast(
  world: ReturnType<typeof openWorld>,
  media: { readonly tracks: readonly Track[]; readonly units: readonly Unit[]; readonly want: BridgeWant; readonly from: number },
) {
  const live = goLive(world.hub, 's', media.tracks);
  world.look();
  const heard = new Recorder();
  const lease = world.bridges.acquire(live.stream, media.want);
  const unwatch = lease.subscribe({ track() {}, end() {}, unit: () => void queueMicrotask(world.look) });
  lease.subscribe(heard);
  await publish(live, media.units, heard, media.from);
  const ended = media.from + SECONDS - 0.5;
  await heard.until(() => heard.time > ended);
  unwatch();
  lease.release();
  live.publication.close('lost');
  world.look();
}

test('Opus is packaged as AAC by the rules of LL-HLS, with one discontinuity for a publisher that returns', async () => {
  using world = openWorld();
  const video = {
    source: `testsrc2=size=320x180:rate=30:duration=${SECONDS}`,
    args: ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-pix_fmt', 'yuv420p'],
  };
  const media = await encodeMedia({ video, audio: SOUND });
  const want = { kind: 'audio', codec: 'aac' } as const;
  await broadcast(world, { ...media, want, from: 0 });
  await broadcast(world, { ...media, want, from: 12 });
  const packager = world.registry.get('s');
  if (!packager) throw new Error('nothing was packaged');
  expect(multivariantText(packager, '')).toMatch(/CODECS="avc1[^"]*,mp4a\.40\.2"/);
  for (const { open, segments } of packager.renditions) {
    expect(open.discontinuitySequence).toBe(1);
    expect(segments.filter(({ gap }) => !gap).reduce((sum, { seconds }) => sum + seconds, 0)).toBeGreaterThan(2 * SECONDS - 1);
  }
  expect(world.reloads()).toBeGreaterThan(100);
  expect(world.faults).toEqual([]);
});

test('VP8 and Opus are packaged as H.264 and AAC by the rules of LL-HLS', async () => {
  using world = openWorld();
  const video = await encodeIvf(
    `testsrc2=size=320x180:rate=30:duration=${SECONDS}`,
    ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '300', '-b:v', '500k'],
    VP8,
  );
  const sound = await encodeMedia({ audio: SOUND });
  const [opus] = sound.tracks;
  if (!opus) throw new Error('there is no sound');
  const secondsOf = ({ dts, track }: Unit) => dts / (track === VP8.id ? VP8 : opus).timescale;
  const media = {
    tracks: [VP8, opus],
    units: [...video, ...sound.units].sort((a, b) => secondsOf(a) - secondsOf(b)),
    want: { kind: 'video', codec: 'h264', bFrames: false } as const,
  };
  // Somebody waits for it.
  world.registry.whenSet('s', () => world.registry.get('s'));
  await broadcast(world, { ...media, from: 0 });
  await broadcast(world, { ...media, from: 12 });
  const packager = world.registry.get('s');
  if (!packager) throw new Error('nothing was packaged');
  expect(multivariantText(packager, '')).toMatch(/CODECS="avc1[^"]*,mp4a\.40\.2"/);
  expect(packager.leading?.open.discontinuitySequence).toBe(1);
  expect(world.reloads()).toBeGreaterThan(100);
  expect(world.faults).toEqual([]);
});
