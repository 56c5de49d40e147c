/** One process per data folder: two on the same embedded database would destroy it. A lock left by a crash is recognised. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCodeOf, StartError } from '../lib/start-error.ts';

const LockFile = z.object({
  pid: z.int().positive(),
  /** Tells this life of the process number from an earlier one; empty where the system does not say. */
  life: z.string(),
  /** Where the holder's database listens: answers even when the holder runs in another container. */
  socket: z.string(),
});
type LockFile = z.infer<typeof LockFile>;

/** More rounds than processes that could start at once. */
const MAX_TRIES = 10;

/** Takes the lock of `folder`; the returned function gives it back. Throws StartError when another process holds it. */
export async function lockFolder(folder: string, socket: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const mine: LockFile = { pid: process.pid, life: await lifeOf(process.pid), socket };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      await writeFile(path, JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
    }
    const text = await readText(path);
    const holder = holderOf(text);
    if (holder && (await isHeld(holder))) {
      throw new StartError(`The data folder ${folder} is in use by another Millrace (process ${holder.pid}). Stop that one, or choose another folder with DATA_DIR.`);
    }
    await removeStale(path, text);
  }
  throw new StartError(`The data folder ${folder} could not be locked. Remove ${path} if no other Millrace uses it.`);
}

/** Undefined: it is gone meanwhile. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined for a lock that was cut off by a crash while it was written. */
function holderOf(text: string | undefined): LockFile | undefined {
  try {
    return LockFile.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

async function isHeld(holder: LockFile): Promise<boolean> {
  if (isAlive(holder.pid) && (await lifeOf(holder.pid)) === holder.life) return true;
  return answers(holder.socket);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}

/** Linux numbers processes anew after a restart; boot and start time make the number unique. */
async function lifeOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // proc(5): the name in brackets may hold anything; after it the start time is the 20th field.
    return `${boot.trim()}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Removes the lock that was judged stale. When a faster process has put its own in its place, that one is put back. */
async function removeStale(path: string, judged: string | undefined): Promise<void> {
  if (judged === undefined) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, 'utf8')) !== judged) await link(aside, path);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}
