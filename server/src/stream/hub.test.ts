import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import type { Broadcast } from './broadcast.ts';
import { Hub, type PublishRequest } from './hub.ts';
import type { EvictionReason, Publication } from './live-stream.ts';
import { AUDIO, collect, picture, RecordingSink, SMALL_VIDEO, smallPicture, sound, VIDEO } from './testing/source.ts';

class World {
  readonly clock = new FakeClock();
  readonly changes: Broadcast[] = [];
  readonly sinks: RecordingSink[] = [];
  readonly failures: number[] = [];
  readonly evicted: EvictionReason[] = [];
  readonly hub: Hub;
  #ids = 0;

  constructor(extraSink?: RecordingSink) {
    this.hub = new Hub({
      clock: this.clock,
      reconnectGraceMs: 60_000,
      newId: () => `id${++this.#ids}`,
      listener: { broadcastChanged: (broadcast) => this.changes.push(broadcast) },
      makeSinks: () => {
        const sink = new RecordingSink();
        this.sinks.push(sink);
        return extraSink ? [extraSink, sink] : [sink];
      },
      onSinkFailure: (_stream, _error, failures) => this.failures.push(failures),
    });
  }

  publish(request: Partial<PublishRequest> = {}): Publication {
    const publication = this.tryPublish(request);
    if (!publication) throw new Error('the seat is taken');
    return publication;
  }

  tryPublish(request: Partial<PublishRequest> = {}): Publication | undefined {
    const publisher = { protocol: 'test', remoteAddress: '127.0.0.1', onEvicted: (reason: EvictionReason) => this.evicted.push(reason) };
    return this.hub.publish({ streamId: 'stream', start: 'auto', secondPublisher: 'takeover', publisher, ...request });
  }

  get states(): string[] {
    return this.changes.map((broadcast) => broadcast.state);
  }

  get sink(): RecordingSink {
    const sink = this.sinks.at(-1);
    if (!sink) throw new Error('nothing was opened');
    return sink;
  }
}

/** Two tracks in step for `seconds`, the clock moving with them; a key frame each second. */
function play(world: World, publication: Publication, from: number, seconds: number): void {
  for (let frame = 0; frame < seconds * 25; frame++) {
    publication.unit(picture(from + frame / 25, frame % 25 === 0));
    publication.unit(sound(from + frame / 25));
    world.clock.advance(40);
  }
}

it('begins a broadcast when its first unit arrived, though the unit was held back', () => {
  const world = new World();
  const since = world.clock.now();
  world.clock.advance(800);
  const publication = world.publish({ mediaSince: since });
  publication.tracks([VIDEO]);
  publication.unit(picture(50, true), since);
  publication.unit(picture(50.8, false));
  expect(world.changes[0]?.createdAt).toBe(since);
  expect(world.sink.units.map((unit) => unit.dts)).toEqual([0, 72_000]);
});

it('is live with the first publisher and tells the sink formats, then units', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  play(world, publication, 100, 1);
  expect(world.states).toEqual(['live']);
  expect(world.sink.outline).toBe('tracks unit×50');
  expect(world.sink.units[0]?.dts).toBe(0);
});

it('drops what comes before the first key frame', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  publication.unit(sound(0));
  publication.unit(picture(0.04));
  publication.unit(picture(0.08, true));
  publication.unit(sound(0.08));
  expect(world.sink.units.map((unit) => unit.track)).toEqual([VIDEO.id, AUDIO.id]);
  expect(world.hub.get('stream')?.counters.droppedUnits).toBe(1);
});

it('lets sound through alone when the declared picture does not come within three seconds, and the picture when it does', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  for (let at = 0; at < 5; at += 0.5) {
    publication.unit(sound(at));
    world.clock.advance(500);
  }
  expect(world.sink.units.map((unit) => unit.track)).toEqual(Array(4).fill(AUDIO.id));
  publication.unit(picture(5));
  publication.unit(picture(5.04, true));
  expect(world.sink.units.map((unit) => unit.key).length).toBe(5);
});

it('lets sound through with the first picture, whatever its size', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, SMALL_VIDEO, AUDIO]);
  publication.unit(sound(0));
  publication.unit(smallPicture(0.1, true));
  publication.unit(sound(0.1));
  publication.unit(picture(0.1));
  publication.unit(picture(0.2, true));
  expect(world.sink.units.map(({ track }) => track)).toEqual([SMALL_VIDEO.id, AUDIO.id, VIDEO.id]);
});

it('goes on with the same broadcast, timeline and sinks when the publisher returns within the grace', () => {
  const world = new World();
  const first = world.publish();
  first.tracks([VIDEO, AUDIO]);
  play(world, first, 0, 2);
  first.close('lost');
  world.clock.advance(20_000);
  const second = world.publish();
  second.tracks([VIDEO, AUDIO]);
  play(world, second, 500, 1);
  expect(world.states).toEqual(['live', 'reconnecting', 'live']);
  expect(new Set(world.changes.map((broadcast) => `${broadcast.broadcastId} ${broadcast.epoch}`)).size).toBe(1);
  expect(world.sinks).toHaveLength(1);
  expect(world.sink.outline).toBe('tracks unit×100 pause tracks unit×50');
  expect(world.sink.units[100]?.dts).toBe(22 * 90_000);
  expect(world.hub.get('stream')?.counters.discontinuities).toBe(1);
});

it('ends the broadcast when the grace is over, and forgets it a minute later', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO]);
  publication.close('lost');
  world.clock.advance(59_999);
  expect(world.states).toEqual(['live', 'reconnecting']);
  world.clock.advance(1);
  expect(world.changes.at(-1)).toMatchObject({ state: 'ended', endReason: 'reconnect_timeout' });
  expect(world.sink.outline).toBe('tracks pause end');
  expect([...world.hub.running()]).toEqual([]);
  expect(world.hub.get('stream')?.broadcast.state).toBe('ended');
  world.clock.advance(60_000);
  expect(world.hub.get('stream')).toBeUndefined();
});

it('waits only a moment for a publisher that said goodbye', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO]);
  publication.close('left');
  world.clock.advance(14_999);
  expect(world.states).toEqual(['live', 'reconnecting']);
  world.clock.advance(1);
  expect(world.changes.at(-1)).toMatchObject({ state: 'ended', endReason: 'publisher_left' });
});

it('opens a new broadcast for a publisher who comes after the end, and keeps it when the old one is forgotten', () => {
  const world = new World();
  world.publish().tracks([VIDEO]);
  expect(world.hub.stop('stream', 'stopped')).toBe(true);
  expect(world.evicted).toEqual(['stopped']);
  world.publish().tracks([VIDEO]);
  world.clock.advance(120_000);
  const [first, last] = [world.changes[0], world.hub.get('stream')?.broadcast];
  expect(last?.state).toBe('live');
  expect(last?.broadcastId).not.toBe(first?.broadcastId);
  expect(last?.epoch).not.toBe(first?.epoch);
});

it('lets a second publisher take over: the first is told and heard no more', () => {
  const world = new World();
  const first = world.publish();
  first.tracks([VIDEO, AUDIO]);
  play(world, first, 0, 1);
  const second = world.publish();
  expect(world.evicted).toEqual(['taken_over']);
  first.unit(picture(1, true));
  first.close('lost');
  second.tracks([VIDEO, AUDIO]);
  second.unit(picture(77, true));
  expect(world.states).toEqual(['live']);
  expect(world.sink.outline).toBe('tracks unit×50 tracks unit×1');
});

it('refuses a second publisher where the stream says so, but not one that returns', () => {
  const world = new World();
  const first = world.publish({ secondPublisher: 'refuse' });
  expect(world.hub.isOccupied('stream')).toBe(true);
  expect(world.tryPublish({ secondPublisher: 'refuse' })).toBeUndefined();
  expect(world.evicted).toEqual([]);
  first.close('lost');
  expect(world.hub.isOccupied('stream')).toBe(false);
  expect(world.tryPublish({ secondPublisher: 'refuse' })).toBeDefined();
});

it('starts a manual broadcast with fresh sinks, a new epoch and the current group of pictures', () => {
  const world = new World();
  const publication = world.publish({ start: 'manual' });
  publication.tracks([VIDEO, AUDIO]);
  play(world, publication, 0, 2.4);
  const preview = world.sink;
  expect(world.changes[0]).toMatchObject({ state: 'preview', startedAt: null });
  expect(world.hub.start('stream')).toBe(true);
  expect(world.changes[1]).toMatchObject({ state: 'live', startedAt: world.clock.now() });
  expect(world.changes[1]?.epoch).not.toBe(world.changes[0]?.epoch);
  expect(preview.told.at(-1)).toEqual({ type: 'end' });
  expect(world.sink.outline).toBe('tracks unit×20');
  expect(world.sink.units[0]).toMatchObject({ key: true, dts: 180_000 });
  expect(world.hub.start('stream')).toBe(false);
});

it('keeps a preview a preview over a drop', () => {
  const world = new World();
  const first = world.publish({ start: 'manual' });
  first.tracks([VIDEO]);
  first.close('lost');
  expect(world.changes.at(-1)).toMatchObject({ state: 'reconnecting', startedAt: null });
  world.publish({ start: 'manual' }).tracks([VIDEO]);
  expect(world.states).toEqual(['preview', 'reconnecting', 'preview']);
});

it('restores a broadcast that ran before a restart: its publisher has a grace, its playlists begin anew, its time goes on', () => {
  const world = new World();
  const createdAt = world.clock.now() - 600_000;
  world.hub.restore({ streamId: 'stream', broadcastId: 'before', epoch: 'old', createdAt, state: 'live', startedAt: createdAt });
  expect(world.changes[0]).toMatchObject({ state: 'reconnecting', broadcastId: 'before', startedAt: createdAt });
  expect(world.changes[0]?.epoch).not.toBe('old');
  world.clock.advance(5_000);
  const publication = world.publish();
  publication.tracks([VIDEO]);
  publication.unit(picture(3, true));
  expect(world.changes.at(-1)).toMatchObject({ state: 'live', broadcastId: 'before' });
  expect(world.sink.units[0]?.dts).toBe(605 * 90_000);
});

it('ends a restored broadcast whose publisher stays away', () => {
  const world = new World();
  world.hub.restore({ streamId: 'stream', broadcastId: 'before', epoch: 'old', createdAt: 0, state: 'preview', startedAt: null });
  world.clock.advance(60_000);
  expect(world.states).toEqual(['reconnecting', 'ended']);
});

it('announces a discontinuity where pictures and sound are missing, and begins behind it with a key frame', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  play(world, publication, 0, 1);
  world.clock.advance(10_000);
  publication.unit(picture(11));
  publication.unit(picture(11.04, true));
  publication.unit(sound(11.04));
  expect(world.sink.outline).toBe('tracks unit×50 tracks unit×2');
});

it.each([
  ['a gap where there was sound', [VIDEO, AUDIO], 'tracks unit×50 tracks unit×2'],
  ['none where pictures alone may be slow', [VIDEO], 'tracks unit×27'],
])('takes a second and a half without a unit for %s', (_what, tracks, outline) => {
  const world = new World();
  const publication = world.publish();
  publication.tracks(tracks);
  play(world, publication, 0, 1);
  world.clock.advance(1_500);
  publication.unit(picture(2.5, true));
  publication.unit(picture(2.54));
  expect(world.sink.outline).toBe(outline);
});

it('announces a discontinuity in sound alone too', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([AUDIO]);
  publication.unit(sound(0));
  world.clock.advance(10_000);
  publication.unit(sound(10));
  expect(world.sink.outline).toBe('tracks unit×1 tracks unit×1');
});

it('says nothing when the same formats are announced again', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO]);
  publication.tracks([{ ...VIDEO, config: Uint8Array.from(VIDEO.config) }]);
  publication.tracks([{ ...VIDEO, config: Uint8Array.of(9) }]);
  expect(world.sink.outline).toBe('tracks tracks');
});

it('keeps a sink that throws away from the publisher and from the other sinks', () => {
  class Throwing extends RecordingSink {
    override tracks(): void {
      throw new Error('tracks');
    }
    override unit(): void {
      throw new Error('unit');
    }
    override pause(): void {
      throw new Error('pause');
    }
    override end(): void {
      throw new Error('end');
    }
  }
  const world = new World(new Throwing());
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  play(world, publication, 0, 1);
  publication.close('lost');
  world.hub.stop('stream', 'stopped');
  expect(world.sink.outline).toBe('tracks unit×50 pause end');
  expect(world.failures).toEqual([1, 2, 4, 8, 16, 32]);
});

it('gives a reader who joins in mid-group the group from its key frame on, and ends it with the broadcast', async () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO, AUDIO]);
  play(world, publication, 0, 1.2);
  const stream = world.hub.get('stream');
  if (!stream) throw new Error('no stream');
  const reader = stream.read();
  world.hub.stop('stream', 'stopped');
  const items = await collect(reader);
  expect(items[0]).toMatchObject({ type: 'tracks' });
  expect(items[1]).toMatchObject({ type: 'unit', unit: { key: true, dts: 90_000 } });
  expect(items).toHaveLength(11);
  expect(await collect(stream.read())).toHaveLength(11);
});

it('names the codecs that the publisher sends in vain', () => {
  const world = new World();
  const publication = world.publish();
  publication.tracks([VIDEO]);
  publication.refuseTrack('nellymoser');
  publication.refuseTrack('nellymoser');
  expect(world.hub.get('stream')?.counters.refusedTracks).toEqual(['nellymoser']);
});

it('asks a publisher that can be asked for a key frame, at most once a second', () => {
  const world = new World();
  const publication = world.publish();
  expect(world.hub.get('stream')?.requestKeyFrame()).toBe(false);
  publication.close('left');
  let asked = 0;
  world.publish({ publisher: { protocol: 'test', remoteAddress: '127.0.0.1', onEvicted() {}, requestKeyFrame: () => asked++ } });
  const stream = world.hub.get('stream');
  for (let i = 0; i < 10; i++) {
    expect(stream?.requestKeyFrame()).toBe(true);
    world.clock.advance(250);
  }
  expect(asked).toBe(3);
});
