/** The name of this server among those on its database: drawn at the first start, kept in the data folder whose files it stands for. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCodeOf, StartError } from '../lib/start-error.ts';

const ServerId = z.uuid();

export async function loadServerId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'server-id');
  const kept = await read(path);
  if (kept !== undefined) return kept;
  const drawn = randomUUID();
  const aside = `${path}.${drawn}`;
  try {
    await writeFile(aside, `${drawn}\n`);
    // Whole or not at all, and never in place of one that is there.
    await link(aside, path);
    return drawn;
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
    return (await read(path)) ?? drawn;
  } finally {
    await rm(aside, { force: true });
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return ServerId.parse((await readFile(path, 'utf8')).trim());
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw new StartError(`The name of this server in ${path} cannot be read. Restore the file from a back-up: recordings in this folder are known by it.`, error);
  }
}
