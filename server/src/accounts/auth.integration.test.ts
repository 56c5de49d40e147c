/** The auth library on the tables that our migrations make. */
import { getMigrations } from 'better-auth/db/migration';
import { expect, test } from 'vitest';
import { silentLog } from '../lib/silent-log.ts';
import { openTemporaryStore } from '../store/testing/temporary-store.ts';
import { createAuth } from './auth.ts';

test('the library finds every table and column that it writes: it does not look at a start', async () => {
  await using temporary = await openTemporaryStore();
  const { db } = temporary.store;
  const auth = createAuth({ db, secret: 'x'.repeat(32), log: silentLog, newId: () => 'id' });
  const { toBeCreated, toBeAdded } = await getMigrations(auth.options);
  expect({ toBeCreated, toBeAdded }).toEqual({ toBeCreated: [], toBeAdded: [] });
  await db.schema.alterTable('sessions').dropColumn('user_agent').execute();
  expect((await getMigrations(auth.options)).toBeAdded).toMatchObject([{ table: 'sessions' }]);
});
