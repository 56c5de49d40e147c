/** A process that inserts users as fast as it can and prints each id once it is acknowledged. Killed by its test. */
import { writeSync } from 'node:fs';
import { nanoid } from 'nanoid';
import { silentLog } from '../../lib/silent-log.ts';
import { openStore } from '../open.ts';

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('which folder?');
const { db } = await openStore({ dataDir, log: silentLog });
await Promise.all([1, 2, 3].map(insertForever));

async function insertForever(): Promise<never> {
  for (;;) {
    const id = nanoid();
    const at = new Date();
    await db
      .insertInto('users')
      .values({ id, name: 'x'.repeat(500), email: id, created_at: at, updated_at: at })
      .execute();
    // At once, not at the next turn of the loop: the kill may come before it.
    writeSync(1, `${id}\n`);
  }
}
