/** What a restarted server knows of its broadcasts: every change in order, through a database that is away for a while. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { becomeGuest, makeStream } from '../api/testing/people.ts';
import { createTestServer, type TestServer } from '../api/testing/test-server.ts';
import { silentLog } from '../lib/silent-log.ts';
import type { Store } from '../store/open.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import { BroadcastLog } from './broadcast-log.ts';

let temporary: TemporaryStore | undefined;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary?.[Symbol.asyncDispose]();
});

function theStore(): Store {
  if (!temporary) throw new Error('the store is not open');
  return temporary.store;
}

async function withStream(settings: object = {}): Promise<{ server: TestServer; streamId: string }> {
  const server = createTestServer({ store: theStore() });
  const { stream } = await makeStream(server, (await becomeGuest(server)).token, settings);
  return { server, streamId: stream.id };
}

test('the last of many quick changes is what is stored', async () => {
  const { server, streamId } = await withStream();
  for (let runs = 0; runs < 5; runs++) {
    server.publish(streamId).close('lost');
    server.publish(streamId);
    server.clock.advance(10);
    server.hub.stop(streamId, 'stopped');
    server.clock.advance(10);
  }
  expect(server.broadcastLog.pending).toBeGreaterThan(0);
  await server.broadcastLog.flush();
  expect(server.broadcastLog.pending).toBe(0);
  const stored = await theStore().db.selectFrom('broadcasts').select(['state', 'end_reason']).where('stream_id', '=', streamId).execute();
  expect(stored).toEqual(Array.from({ length: 5 }, () => ({ state: 'ended', end_reason: 'stopped' })));
  const latest = await server.streamStore.byId(streamId);
  expect(latest?.broadcast?.id).toBe(server.hub.get(streamId)?.broadcast.broadcastId);
});

test('a broadcast that ran when the server stopped is restored, and waits for its publisher', async () => {
  const { server, streamId } = await withStream();
  const preview = await withStream({ start: 'manual' });
  server.publish(streamId);
  preview.server.publish(preview.streamId, 'manual');
  await server.broadcastLog.flush();
  await preview.server.broadcastLog.flush();
  const before = server.hub.get(streamId)?.broadcast;

  const restarted = createTestServer({ store: theStore() });
  for (const broadcast of await restarted.broadcastLog.restore()) restarted.hub.restore(broadcast);
  expect(restarted.hub.get(streamId)?.broadcast).toMatchObject({
    state: 'reconnecting',
    broadcastId: before?.broadcastId,
    startedAt: before?.startedAt,
    createdAt: before?.createdAt,
  });
  expect(restarted.hub.get(preview.streamId)?.broadcast).toMatchObject({ state: 'reconnecting', startedAt: null });
  await restarted.broadcastLog.flush();
  expect((await restarted.streamStore.byId(streamId))?.broadcast?.state).toBe('reconnecting');

  restarted.clock.advance(60_000);
  await restarted.broadcastLog.flush();
  expect((await restarted.streamStore.byId(streamId))?.broadcast).toMatchObject({ state: 'ended', endReason: 'reconnect_timeout' });
  expect(await restarted.broadcastLog.restore()).toEqual([]);
});

test('a database that is away for a while loses no change', async () => {
  const { server, streamId } = await withStream();
  const warned = Promise.withResolvers<void>();
  const log = new BroadcastLog({ store: server.broadcasts, clock: server.clock, log: { ...silentLog, warn: () => warned.resolve() } });
  const base = { streamId, broadcastId: 'broadcast-of-an-outage', epoch: 'epoch', createdAt: server.clock.now(), startedAt: server.clock.now() };
  const live: Broadcast = { ...base, state: 'live' };
  const ended: Broadcast = { ...base, state: 'ended', endedAt: server.clock.now(), endReason: 'stopped' };

  await sql`alter table broadcasts rename to broadcasts_away`.execute(theStore().db);
  log.broadcastChanged(live);
  await warned.promise;
  log.broadcastChanged(ended);
  expect(log.pending).toBe(1);
  await sql`alter table broadcasts_away rename to broadcasts`.execute(theStore().db);
  server.clock.advance(5_000);
  await log.flush();
  expect((await server.streamStore.byId(streamId))?.broadcast).toMatchObject({ id: 'broadcast-of-an-outage', state: 'ended' });
});
