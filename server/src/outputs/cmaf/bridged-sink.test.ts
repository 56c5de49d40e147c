import type { Track, VideoTrack } from '@millrace/media/track';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { Hub } from '../../stream/hub.ts';
import type { Publication } from '../../stream/live-stream.ts';
import { AUDIO, picture, SMALL_VIDEO, smallPicture, sound, VIDEO } from '../../stream/testing/source.ts';
import { BridgedSink } from './bridged-sink.ts';
import type { BridgeSource } from './bridged-track.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from './packager.ts';
import { PackagerRegistry } from './registry.ts';

const OPUS: Track = { ...AUDIO, codec: 'opus', codecString: 'opus', config: Uint8Array.of(0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0) };
const VP8: VideoTrack = { ...VIDEO, codec: 'vp8', codecString: 'vp8', config: new Uint8Array(0) };
const AAC: Track = { ...AUDIO, id: 1_002 };
const PLAIN: VideoTrack = { ...VIDEO, id: 1_001 };

/** What a test bridge is told to say. */
type Heard = Parameters<ReturnType<BridgeSource['acquire']>['subscribe']>[0];

let clock: FakeClock;
let registry: PackagerRegistry;
let bridges: Map<'audio' | 'video', Heard>;
let hub: Hub;
let keyFrameRequests: number;

beforeEach(() => {
  let ids = 0;
  clock = new FakeClock();
  registry = new PackagerRegistry({ clock });
  bridges = new Map();
  keyFrameRequests = 0;
  const source: BridgeSource = {
    acquire: (_stream, { kind }) => ({
      subscribe: (listener) => {
        bridges.set(kind, listener);
        return () => {};
      },
      release: () => bridges.delete(kind),
    }),
  };
  hub = new Hub({
    clock,
    reconnectGraceMs: 60_000,
    newId: () => `id${++ids}`,
    listener: { broadcastChanged() {} },
    makeSinks: (stream) => {
      const { createdAt } = stream.broadcast;
      const makePackager = (epoch: string) => new Packager({ broadcast: { epoch, createdAt }, clock, config: DEFAULT_PACKAGER_CONFIG });
      return [new BridgedSink({ stream, bridges: source, registry, clock, makePackager, newEpoch: () => `epoch${++ids}` })];
    },
  });
});
afterEach(() => hub.stop('one', 'stopped'));

function goLive(tracks: readonly Track[]): Publication {
  const publisher = { protocol: 'test', remoteAddress: '', onEvicted() {}, requestKeyFrame: () => void keyFrameRequests++ };
  const publication = hub.publish({ streamId: 'one', start: 'auto', secondPublisher: 'takeover', publisher });
  if (!publication) throw new Error('the seat is taken');
  publication.tracks(tracks);
  return publication;
}

interface Play {
  readonly from: number;
  readonly seconds: number;
  /** What the bridges give meanwhile. */
  readonly bridged?: readonly ('audio' | 'video')[];
}

/** 25 pictures a second with a key frame each second, and sound. */
function play(publication: Publication, { from, seconds, bridged = [] }: Play): void {
  for (let frame = 0; frame < seconds * 25; frame++) {
    const at = from + frame / 25;
    publication.unit(picture(at, frame % 25 === 0));
    publication.unit(sound(at));
    if (bridged.includes('video')) bridges.get('video')?.unit({ ...picture(at, frame % 25 === 0), track: PLAIN.id });
    if (bridged.includes('audio')) bridges.get('audio')?.unit({ ...sound(at), track: AAC.id });
    clock.advance(40);
  }
}

/** The codecs of what is packaged now, and the number of discontinuities behind it. */
function packaged(): { readonly codecs: readonly (string | undefined)[]; readonly discontinuities: number } {
  const packager = registry.get('one');
  return {
    codecs: (packager?.renditions ?? []).map(({ track }) => track?.codec),
    discontinuities: packager?.leading?.open.discontinuitySequence ?? 0,
  };
}

describe('a packager behind bridges', () => {
  it('gets AAC in place of Opus, and the pictures that came while the bridge started', () => {
    const publication = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    play(publication, { from: 0, seconds: 1 });
    expect(packaged().codecs).toEqual([]);
    play(publication, { from: 1, seconds: 2, bridged: ['audio'] });
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 0 });
    expect(registry.get('one')?.ready).toBe(true);
    expect(
      registry
        .get('one')
        ?.rendition('video')
        ?.segments.find(({ gap }) => !gap)?.startTicks,
    ).toBe(0);
  });

  it('gets the key frame of a smaller size that came before the largest began', () => {
    const publication = goLive([VIDEO, SMALL_VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    for (let frame = 0; frame < 50; frame++) {
      publication.unit(smallPicture(frame / 25, frame % 25 === 0));
      publication.unit(picture(frame / 25 + 0.01, frame % 25 === 0));
      if (frame > 10) bridges.get('audio')?.unit({ ...sound(frame / 25), track: AAC.id });
      clock.advance(40);
    }
    const begin = (name: string) =>
      registry
        .get('one')
        ?.rendition(name)
        ?.segments.find(({ gap }) => !gap)?.parts[0]?.independent;
    expect([begin('video'), begin('video2')]).toEqual([true, true]);
  });

  it('goes on with Opus when the bridge does not come, and takes AAC behind a discontinuity when it does', () => {
    const publication = goLive([VIDEO, OPUS]);
    play(publication, { from: 0, seconds: 4 });
    expect(packaged()).toEqual({ codecs: ['h264', 'opus'], discontinuities: 0 });
    bridges.get('audio')?.track(AAC);
    play(publication, { from: 4, seconds: 1, bridged: ['audio'] });
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 1 });
  });

  it('goes back to Opus when the bridge fails, at once, and to AAC when it works again', () => {
    const publication = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    play(publication, { from: 0, seconds: 3, bridged: ['audio'] });
    bridges.get('audio')?.fail();
    play(publication, { from: 3, seconds: 1 });
    expect(packaged()).toEqual({ codecs: ['h264', 'opus'], discontinuities: 1 });
    play(publication, { from: 4, seconds: 1, bridged: ['audio'] });
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 2 });
  });

  it('shows one discontinuity when the publisher returns, and nothing late of what was', () => {
    const first = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    play(first, { from: 0, seconds: 3, bridged: ['audio'] });
    first.close('lost');
    const parts = registry.get('one')?.counters.parts;
    bridges.get('audio')?.unit({ ...sound(3), track: AAC.id });
    clock.advance(5_000);
    const second = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.unit({ ...sound(3.1), track: AAC.id });
    expect(registry.get('one')?.counters.parts).toBe(parts);
    bridges.get('audio')?.track(AAC);
    for (let frame = 0; frame < 50; frame++) {
      second.unit(picture(frame / 25, frame % 25 === 0));
      bridges.get('audio')?.unit({ ...sound(8 + frame / 25), track: AAC.id });
      clock.advance(40);
    }
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 1 });
  });

  it('leaves no trace of a publisher who returned for a moment: players would meet a codec for some frames', () => {
    const first = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    play(first, { from: 0, seconds: 3, bridged: ['audio'] });
    first.close('lost');
    const packager = registry.get('one');
    const count = () => packager?.renditions.map(({ segments }) => segments.length);
    const before = count();
    clock.advance(5_000);
    const moment = goLive([VIDEO, OPUS]);
    play(moment, { from: 0, seconds: 0.2 });
    moment.close('lost');
    expect(count()).toEqual(before);
    clock.advance(200);
    const second = goLive([VIDEO, OPUS]);
    bridges.get('audio')?.track(AAC);
    for (let frame = 0; frame < 50; frame++) {
      second.unit(picture(frame / 25, frame % 25 === 0));
      bridges.get('audio')?.unit({ ...sound(8.5 + frame / 25), track: AAC.id });
      clock.advance(40);
    }
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 1 });
    expect(packager?.rendition('audio')?.segments.every(({ track }) => track === undefined || track.codec === 'aac')).toBe(true);
  });

  it('leaves alone what every player plays', () => {
    play(goLive([VIDEO, AUDIO]), { from: 0, seconds: 2 });
    expect(bridges.size).toBe(0);
    expect(packaged().codecs).toEqual(['h264', 'aac']);
  });
});

describe('pictures in VP8', () => {
  it('are converted from the first request on, which gets both tracks, and no longer when nobody has asked for a while', () => {
    const publication = goLive([VP8, OPUS]);
    play(publication, { from: 0, seconds: 2 });
    expect(bridges.size).toBe(0);
    const first = registry.get('one');
    expect([...bridges.keys()]).toEqual(['audio', 'video']);
    expect(first?.ready).toBe(false);
    bridges.get('audio')?.track(AAC);
    bridges.get('video')?.track(PLAIN);
    play(publication, { from: 2, seconds: 1, bridged: ['audio'] });
    expect(first?.renditions).toEqual([]);
    play(publication, { from: 3, seconds: 3, bridged: ['audio', 'video'] });
    expect(packaged()).toEqual({ codecs: ['h264', 'aac'], discontinuities: 0 });
    play(publication, { from: 6, seconds: 31, bridged: ['audio', 'video'] });
    expect(bridges.size).toBe(0);
    expect(first?.ended).toBe(true);
    const next = registry.get('one');
    expect(next).not.toBe(first);
    expect(next?.epoch).not.toBe(first?.epoch);
    expect(bridges.size).toBe(2);
  });

  it('begin with a new key frame when the last is old, and without one when it does not come', () => {
    const publication = goLive([VP8, OPUS]);
    publication.unit(picture(0, true));
    for (let frame = 1; frame < 100; frame++) publication.unit(picture(frame / 25));
    registry.get('one');
    expect(keyFrameRequests).toBe(1);
    expect(bridges.size).toBe(0);
    publication.unit(picture(4, true));
    expect(bridges.size).toBe(2);
  });

  it('are left out when they cannot be converted: the sound goes on', () => {
    registry.whenSet('one', () => registry.get('one'));
    const publication = goLive([VP8, OPUS]);
    bridges.get('audio')?.track(AAC);
    play(publication, { from: 0, seconds: 4, bridged: ['audio'] });
    expect(packaged().codecs).toEqual([]);
    bridges.get('video')?.fail();
    play(publication, { from: 4, seconds: 2, bridged: ['audio'] });
    expect(packaged().codecs).toEqual(['aac']);
  });

  it('sleep through a publisher’s absence, and wake with its return when somebody waits', () => {
    const first = goLive([VP8, OPUS]);
    play(first, { from: 0, seconds: 1 });
    first.close('lost');
    registry.get('one');
    expect(bridges.size).toBe(0);
    goLive([VP8, OPUS]);
    expect(bridges.size).toBe(2);
  });
});

it('converts pictures for what records them, and makes no tiers for it', () => {
  let used = 0;
  const given: (readonly Track[])[] = [];
  const tracksGiven = (tracks: readonly Track[]) => {
    given.push(tracks);
    return [];
  };
  const ladder = { tracks: tracksGiven, ready() {}, unit() {}, used: () => used++, pause() {}, close() {} };
  const recorded = new Hub({
    clock,
    reconnectGraceMs: 60_000,
    newId: () => 'a recorded run',
    listener: { broadcastChanged() {} },
    makeSinks: (stream) => {
      const makePackager = (epoch: string) => new Packager({ broadcast: { epoch, createdAt: stream.broadcast.createdAt }, clock, config: DEFAULT_PACKAGER_CONFIG });
      const source: BridgeSource = {
        acquire: (_stream, { kind }) => ({
          subscribe: (listener) => {
            bridges.set(kind, listener);
            return () => {};
          },
          release: () => bridges.delete(kind),
        }),
      };
      return [new BridgedSink({ stream, bridges: source, ladders: { open: () => ladder }, registry, clock, makePackager, newEpoch: () => 'another run' })];
    },
  });
  const publication = recorded.publish({
    streamId: 'two',
    start: 'auto',
    secondPublisher: 'takeover',
    publisher: { protocol: 'test', remoteAddress: '', onEvicted() {}, requestKeyFrame() {} },
  });
  publication?.tracks([VP8, { ...VP8, id: SMALL_VIDEO.id, width: 640, height: 360 }, OPUS]);
  expect(bridges.has('video')).toBe(false);
  registry.keepAwake('two');
  clock.advance(1_000);
  expect(bridges.has('video')).toBe(true);
  for (let second = 0; second < 60; second++) {
    registry.keepAwake('two');
    clock.advance(1_000);
  }
  expect(bridges.has('video')).toBe(true);
  expect(used).toBe(0);
  registry.get('two');
  expect(used).toBe(1);
  // Of several sizes in VP8 the largest stands for all, and smaller ones are made of it.
  bridges.get('video')?.track(PLAIN);
  bridges.get('video')?.unit({ ...picture(0, true), track: PLAIN.id });
  bridges.get('audio')?.track(AAC);
  bridges.get('audio')?.unit({ ...sound(0), track: AAC.id });
  expect(given.at(-1)).toEqual([PLAIN, AAC]);
  recorded.stop('two', 'stopped');
});
