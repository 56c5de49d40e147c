/** What every store does, embedded or on a server. */
import { sql } from 'kysely';
import { nanoid } from 'nanoid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../lib/silent-log.ts';
import { type BroadcastRow, BroadcastStore } from './broadcasts.ts';
import { MIGRATIONS, migrate } from './migrate.ts';
import type { Store } from './open.ts';
import { ServerStore } from './servers.ts';
import { type NewStream, StreamStore } from './streams.ts';

/** `open` gives the same database each time it is called. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let opened: Store | undefined;
    const store = () => {
      if (!opened) throw new Error('the store is not open');
      return opened;
    };

    beforeAll(async () => {
      opened = await open();
    });

    afterAll(async () => {
      await opened?.close();
    });

    test('answers a ping', async () => {
      await expect(store().ping()).resolves.toBeUndefined();
    });

    test('migrates once, however often and by however many at once', async () => {
      const applied = () => store().db.selectFrom('migrations').select(['name', 'applied_at']).orderBy('name').execute();
      const before = await applied();
      expect(before.map((row) => row.name)).toEqual(MIGRATIONS.map((step) => step.name));
      await Promise.all([1, 2, 3].map(() => migrate(store().db, silentLog)));
      expect(await applied()).toEqual(before);
    });

    test('refuses a database from a newer version', async () => {
      await store().db.insertInto('migrations').values({ name: '9999-from-the-future' }).execute();
      await expect(migrate(store().db, silentLog)).rejects.toThrow('9999-from-the-future');
      await store().db.deleteFrom('migrations').where('name', '=', '9999-from-the-future').execute();
    });

    test('a migration that fails leaves nothing behind', async () => {
      const broken = {
        name: '9998-broken',
        async up(db: Store['db']) {
          await sql`create table half_done (id int)`.execute(db);
          await sql`select nonsense`.execute(db);
        },
      };
      await expect(migrate(store().db, silentLog, [...MIGRATIONS, broken])).rejects.toThrow('nonsense');
      const { rows } = await sql`select 1 from information_schema.tables where table_name = 'half_done'`.execute(store().db);
      expect(rows).toEqual([]);
    });

    test('queries and transactions that run at once do not mix', async () => {
      const { db } = store();
      const one = async (i: number) => {
        const { rows } = await sql<{ value: number; text: string }>`select ${i}::int + ${sql.lit(i)} as value, repeat('x', ${i}::int) as text`.execute(db);
        return rows[0]?.value === 2 * i && rows[0].text.length === i;
      };
      // Differing numbers of parameters show at once when one query is given another's.
      const two = async (i: number) => (await db.selectFrom('sessions').select('id').where('token', '=', `${i}`).where('expires_at', '>', AT).execute()).length === 0;
      const several = (i: number) =>
        db.transaction().execute(async (transaction) => {
          const user = userRow(nanoid());
          await transaction.insertInto('users').values(user).execute();
          const found = await transaction.selectFrom('users').select('id').where('id', '=', user.id).forUpdate().execute();
          return found[0]?.id === user.id && i >= 0;
        });
      const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => [one, two, several][i % 3]?.(i)));
      expect(answers.filter((answer) => answer !== true)).toEqual([]);
    });

    test('a transaction that fails has changed nothing, one beside it is not touched', async () => {
      const { db } = store();
      const lost = nanoid();
      const kept = nanoid();
      const failing = db.transaction().execute(async (transaction) => {
        await transaction.insertInto('users').values(userRow(lost)).execute();
        throw new Error('changed my mind');
      });
      const passing = db.transaction().execute((transaction) => transaction.insertInto('users').values(userRow(kept)).execute());
      await expect(failing).rejects.toThrow('changed my mind');
      await passing;
      const found = await db.selectFrom('users').select('id').where('id', 'in', [lost, kept]).execute();
      expect(found).toEqual([{ id: kept }]);
    });

    describe('streams', () => {
      test('are found by id, code and key as they were put in', async () => {
        const { streams, ownerId } = await withOwner(store());
        const stream = newStream(ownerId);
        expect(await streams.insert(stream, 10)).toBe('inserted');
        const { keyHash, at, ...settings } = stream;
        const expected = { ...settings, ownerKind: 'guest', createdAt: at, updatedAt: at, broadcast: null };
        expect(await streams.byId(stream.id)).toEqual(expected);
        expect(await streams.byCode(stream.code)).toEqual(expected);
        expect(await streams.byKeyHash(keyHash)).toEqual(expected);
        expect(await streams.byIds([stream.id, nanoid()])).toEqual([expected]);
        expect(await streams.byCode('NOCODE')).toBeUndefined();
      });

      test('a code is given once, and an owner has no more than it may', async () => {
        const { streams, ownerId } = await withOwner(store());
        const first = newStream(ownerId);
        expect(await streams.insert(first, 2)).toBe('inserted');
        expect(await streams.insert({ ...newStream(ownerId), code: first.code }, 2)).toBe('taken');
        const outcomes = await Promise.all([1, 2, 3].map(() => streams.insert(newStream(ownerId), 2)));
        expect(outcomes.sort()).toEqual(['inserted', 'limit_reached', 'limit_reached']);
      });

      test('change only what is given', async () => {
        const { streams, ownerId } = await withOwner(store());
        const stream = newStream(ownerId);
        await streams.insert(stream, 10);
        const later = new Date(stream.at.getTime() + 1000);
        await streams.update(stream.id, { title: 'Quay', visibility: undefined }, later);
        expect(await streams.byId(stream.id)).toMatchObject({ title: 'Quay', visibility: 'public', updatedAt: later, createdAt: stream.at });
        const keyHash = Buffer.alloc(32, nanoid());
        await streams.setKeyHash(stream.id, keyHash, later);
        expect(await streams.byKeyHash(stream.keyHash)).toBeUndefined();
        expect(await streams.byKeyHash(keyHash)).toMatchObject({ id: stream.id });
      });

      test('of equal age are paged without gaps or repeats', async () => {
        const { streams, ownerId } = await withOwner(store());
        for (let made = 0; made < 7; made++) await streams.insert(newStream(ownerId), 10);
        const seen: string[] = [];
        let page = await streams.listOwned(ownerId, undefined, { after: undefined, limit: 3 });
        while (page.length > 0) {
          seen.push(...page.map((stream) => stream.id));
          const last = page.at(-1);
          page = last ? await streams.listOwned(ownerId, undefined, { after: last, limit: 3 }) : [];
        }
        expect(new Set(seen).size).toBe(7);
        expect(seen).toHaveLength(7);
      });

      test('take their broadcasts with them', async () => {
        const { streams, broadcasts, ownerId } = await withOwner(store());
        const stream = newStream(ownerId);
        await streams.insert(stream, 10);
        const broadcast = newBroadcast(stream);
        await broadcasts.put(broadcast);
        await streams.delete(stream.id);
        expect(await broadcasts.byId(broadcast.id)).toBeUndefined();
        expect(await broadcasts.put(broadcast)).toBe(false);
      });
    });

    describe('broadcasts', () => {
      test('are kept as they were last, and the newest is its stream’s', async () => {
        const { streams, broadcasts, ownerId } = await withOwner(store());
        const stream = newStream(ownerId);
        await streams.insert(stream, 10);
        const first = newBroadcast(stream);
        expect(await broadcasts.put(first)).toBe(true);
        const over: BroadcastRow = { ...first, state: 'ended', startedAt: stream.at, endedAt: new Date(stream.at.getTime() + 5000), endReason: 'stopped' };
        await broadcasts.put(over);
        expect(await broadcasts.byId(first.id)).toEqual(over);
        const second = newBroadcast(stream);
        await broadcasts.put(second);
        expect((await streams.byId(stream.id))?.broadcast).toEqual(second);
        expect((await broadcasts.takeRunning()).filter((row) => row.streamId === stream.id)).toEqual([second]);
        expect((await streams.listOwned(ownerId, 'live', { after: undefined, limit: 5 })).map(({ id }) => id)).toEqual([stream.id]);
        expect(await streams.listOwned(ownerId, 'ended', { after: undefined, limit: 5 })).toEqual([]);
      });

      test('that run are taken up by their server alone, those from before servers had names by the first that asks', async () => {
        const { db } = store();
        const { streams, broadcasts, ownerId } = await withOwner(store());
        const other = new BroadcastStore(db, nanoid());
        const run = async (on: BroadcastStore) => {
          const stream = newStream(ownerId);
          await streams.insert(stream, 10);
          const broadcast = newBroadcast(stream);
          await on.put(broadcast);
          return broadcast.id;
        };
        const [mine, theirs, old] = [await run(broadcasts), await run(other), await run(broadcasts)];
        await db.updateTable('broadcasts').set({ server_id: null }).where('id', '=', old).execute();
        const taken = async (by: BroadcastStore) => (await by.takeRunning()).map(({ id }) => id).filter((id) => [mine, theirs, old].includes(id));
        expect((await taken(broadcasts)).sort()).toEqual([mine, old].sort());
        expect(await taken(other)).toEqual([theirs]);
      });

      test('that end do not stand in front of one that runs on another server', async () => {
        const { streams, broadcasts, ownerId } = await withOwner(store());
        const other = new BroadcastStore(store().db, nanoid());
        const stream = newStream(ownerId);
        await streams.insert(stream, 10);
        const here = newBroadcast(stream);
        await broadcasts.put(here);
        const there = newBroadcast(stream);
        await other.put(there);
        await broadcasts.put({ ...here, state: 'ended', endedAt: stream.at, endReason: 'stopped' });
        expect((await streams.byId(stream.id))?.broadcast).toEqual(there);
        expect(await broadcasts.byId(here.id)).toMatchObject({ state: 'ended' });
      });

      test('of a server that says nothing any more are taken over by one that does', async () => {
        const { db, serverId } = store();
        const { streams, broadcasts, ownerId } = await withOwner(store());
        const [gone, present] = [nanoid(), nanoid()];
        const ids: string[] = [];
        for (const [server, seenAt] of [
          [gone, AT],
          [present, new Date(AT.getTime() + 1)],
        ] as const) {
          await new ServerStore(db, server).seen(seenAt);
          const stream = newStream(ownerId);
          await streams.insert(stream, 10);
          const broadcast = newBroadcast(stream);
          await new BroadcastStore(db, server).put(broadcast);
          ids.push(broadcast.id);
        }
        const taken = async () => (await broadcasts.takeAbandoned(AT)).map(({ id }) => id).filter((id) => ids.includes(id));
        expect(await taken()).toEqual([ids[0]]);
        expect(await db.selectFrom('broadcasts').select('server_id').where('id', 'in', ids).orderBy('server_id').execute()).toContainEqual({ server_id: serverId });
        expect(await taken()).toEqual([]);
      });
    });
  });
}

const AT = new Date('2026-05-01T12:00:00.123Z');

function userRow(id: string) {
  return { id, name: 'Guest', email: `${id}@guest.invalid`, is_anonymous: true, created_at: AT, updated_at: AT };
}

async function withOwner({ db, serverId }: Store) {
  const ownerId = nanoid();
  await db.insertInto('users').values(userRow(ownerId)).execute();
  return { ownerId, streams: new StreamStore(db), broadcasts: new BroadcastStore(db, serverId) };
}

function newStream(ownerId: string): NewStream {
  return {
    id: nanoid(),
    ownerId,
    code: nanoid(6),
    keyHash: Buffer.alloc(32, nanoid()),
    title: 'Harbour',
    description: 'Boats\nand more boats',
    visibility: 'public',
    start: 'auto',
    secondPublisher: 'takeover',
    record: false,
    rewindSeconds: null,
    ladder: 'auto',
    at: AT,
  };
}

function newBroadcast(stream: NewStream): BroadcastRow {
  return { id: nanoid(), streamId: stream.id, epoch: nanoid(), state: 'live', createdAt: stream.at, startedAt: stream.at, reconnectUntil: null, endedAt: null, endReason: null };
}
