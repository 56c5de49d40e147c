/** Viewings and measurements on a real store. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MeasurementStore, type MinuteRow } from './measurements.ts';
import type { Store } from './open.ts';
import { StreamStore } from './streams.ts';
import { openTemporaryStore, type TemporaryStore } from './testing/temporary-store.ts';
import { type ViewingRow, ViewingStore } from './viewings.ts';

let temporary: TemporaryStore;
let store: Store;
const at = new Date('2026-11-21T10:00:00.000Z');

beforeAll(async () => {
  temporary = await openTemporaryStore();
  store = temporary.store;
  await store.db.insertInto('users').values({ id: 'ann', name: 'Ann', email: 'ann@guest.invalid', image: null, created_at: at, updated_at: at }).execute();
  const settings = { title: 't', description: '', visibility: 'public', start: 'auto', secondPublisher: 'takeover', record: false, rewindSeconds: 0, ladder: 'off' } as const;
  for (const id of ['s1', 's2']) await new StreamStore(store.db).insert({ ...settings, id, ownerId: 'ann', code: id, keyHash: Buffer.from(id), at }, 10);
});

afterAll(() => temporary[Symbol.asyncDispose]());

function viewing(part: Partial<ViewingRow> = {}): ViewingRow {
  const row = {
    id: 'v1',
    streamId: 's1',
    broadcastId: 'b',
    userId: 'ann',
    startedAt: at,
    endedAt: at,
    protocol: 'll-hls',
    device: 'phone',
    stalls: 0,
    meanLatencyMs: null,
  } as const;
  return { ...row, ...part };
}

function minute(part: Partial<MinuteRow> = {}): MinuteRow {
  return {
    streamId: 's1',
    broadcastId: 'b',
    at: at.toISOString(),
    videoBitsPerSecond: 2_000_000.5,
    audioBitsPerSecond: 128_000,
    framesPerSecond: 29.97,
    keyFrameIntervalSeconds: null,
    droppedUnits: 3,
    viewers: 7,
    ...part,
  };
}

it('keeps a viewing as it was written last', async () => {
  const viewings = new ViewingStore(store.db);
  await viewings.put([viewing(), viewing({ id: 'v2', userId: null, startedAt: new Date(at.getTime() - 1) })]);
  const later = viewing({ endedAt: new Date(at.getTime() + 5_000), stalls: 2, meanLatencyMs: 1234 });
  await viewings.put([later]);
  expect(await viewings.ofStream('s1', 10)).toEqual([later, viewing({ id: 'v2', userId: null, startedAt: new Date(at.getTime() - 1) })]);
});

it('leaves out rows of streams that are gone, and users that are gone, without losing the others', async () => {
  const viewings = new ViewingStore(store.db);
  await viewings.put([viewing({ id: 'v3', streamId: 'gone' }), viewing({ id: 'v4', streamId: 's2', userId: 'nobody' })]);
  expect(await viewings.ofStream('gone', 10)).toEqual([]);
  expect(await viewings.ofStream('s2', 10)).toEqual([viewing({ id: 'v4', streamId: 's2', userId: null })]);
});

it('keeps a minute as it was written last, and answers the newest ones, oldest first', async () => {
  const measurements = new MeasurementStore(store.db);
  const minutes = [0, 1, 2, 3].map((i) => minute({ at: new Date(at.getTime() + i * 60_000).toISOString(), viewers: i }));
  await measurements.put([minute({ viewers: 99 }), minute({ streamId: 'gone' })]);
  await measurements.put(minutes);
  const wire = minutes.map(({ streamId: _, broadcastId: __, ...rest }) => rest);
  expect(await measurements.since('s1', at, 10)).toEqual(wire);
  expect(await measurements.since('s1', at, 2)).toEqual(wire.slice(2));
  expect(await measurements.since('s1', new Date(at.getTime() + 60_000), 10)).toEqual(wire.slice(1));
});

it('forgets both with their stream', async () => {
  await new MeasurementStore(store.db).put([minute({ streamId: 's2' })]);
  await new StreamStore(store.db).delete('s2');
  expect(await new ViewingStore(store.db).ofStream('s2', 10)).toEqual([]);
  expect(await new MeasurementStore(store.db).since('s2', at, 10)).toEqual([]);
});

it('writes nothing for no rows', async () => {
  await new ViewingStore(store.db).put([]);
  await new MeasurementStore(store.db).put([]);
});
