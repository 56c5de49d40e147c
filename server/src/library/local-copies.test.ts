/** Which copies go, and which stay because there is no other. */
import { describe, expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/silent-log.ts';
import { DiskFiles } from '../lib/stored-files.ts';
import { LocalCopies } from './local-copies.ts';

const HOUR_MS = 3600_000;

/** Recordings on this machine, by the hours since their upload. */
function copiesOf(uploadedBefore: Readonly<Record<string, number>>, keepMs: number) {
  const clock = new FakeClock();
  const uploadedAt = new Map(Object.entries(uploadedBefore).map(([id, hours]) => [id, clock.now() - hours * HOUR_MS]));
  const store = { missing: new Map<string, string[]>(), isAway: false, refuses: new Set<string>() };
  const removed: string[] = [];
  const again: string[] = [];
  const copies = new LocalCopies({
    clock,
    log: silentLog,
    keepMs,
    recordings: {
      copies: async (until, { after, limit }) =>
        [...uploadedAt]
          .filter(([, at]) => at <= until.getTime() && at > (after?.uploadedAt?.getTime() ?? Number.NEGATIVE_INFINITY))
          .sort((a, b) => a[1] - b[1])
          .slice(0, limit)
          .map(([id, at]) => ({
            ...{ id, ownerId: '', streamId: null, broadcastId: '', title: '', visibility: 'unlisted', state: 'ready', problem: null, seconds: 1, bytes: 1 },
            ...{ startedAt: new Date(0), endedAt: new Date(0), updatedAt: new Date(0), uploadedAt: new Date(at), isLocal: true, serverId: 'here' },
          })),
      setElsewhere: async (id) => void uploadedAt.delete(id),
    },
    // What lies there is the store's business here.
    filesOf: () => new DiskFiles('/nowhere'),
    async missing(id) {
      if (store.isAway) throw new AppError('storage_unreachable');
      return store.missing.get(id) ?? [];
    },
    async uploadAgain(id, paths) {
      again.push(`${id} ${paths.join(' ')}`);
      uploadedAt.delete(id);
    },
    async removeFolder(id) {
      if (store.refuses.has(id)) throw new Error('EACCES');
      removed.push(id);
    },
  });
  return { copies, store, removed, again, clock };
}

describe('copies of what is in object storage', () => {
  test('go when their time is over, as time goes by, and not before', async () => {
    const { copies, removed, clock } = copiesOf({ old: 30, young: 23 }, 24 * HOUR_MS);
    copies.start();
    await copies.sweep();
    expect(removed).toEqual(['old']);
    clock.advance(HOUR_MS);
    await copies.sweep();
    expect(removed).toEqual(['old', 'young']);
  });

  test('stay for ever where nothing else is said, but for room: those that are there the longest go first, one at a time', async () => {
    const { copies, removed, clock } = copiesOf({ b: 2, a: 3, c: 1 }, Number.POSITIVE_INFINITY);
    copies.start();
    clock.advance(1_000 * HOUR_MS);
    await copies.sweep();
    expect(removed).toEqual([]);
    expect(await copies.makeRoom()).toBe(true);
    expect(removed).toEqual(['a']);
    for (let times = 0; times < 2; times++) await copies.makeRoom();
    expect(await copies.makeRoom()).toBe(false);
    expect(removed).toEqual(['a', 'b', 'c']);
  });

  test('stay while it cannot be learnt whether the other one is there', async () => {
    const { copies, store, removed } = copiesOf({ a: 3 }, 0);
    store.isAway = true;
    await copies.sweep();
    expect(await copies.makeRoom()).toBe(false);
    expect(removed).toEqual([]);
    store.isAway = false;
    await copies.sweep();
    expect(removed).toEqual(['a']);
  });

  test('of which the store has lost a file stay, and are sent again; others go in their place', async () => {
    const { copies, store, removed, again } = copiesOf({ a: 3, b: 2 }, Number.POSITIVE_INFINITY);
    store.missing.set('a', ['video/index']);
    expect(await copies.makeRoom()).toBe(true);
    expect(again).toEqual(['a video/index']);
    expect(removed).toEqual(['b']);
  });

  test('that cannot be removed do not keep others, however many they are', async () => {
    const stuck = Array.from({ length: 25 }, (_, i) => `stuck${i}`);
    const { copies, store, removed } = copiesOf({ ...Object.fromEntries(stuck.map((id, i) => [id, 100 - i])), a: 3, b: 2 }, 0);
    for (const id of stuck) store.refuses.add(id);
    expect(await copies.makeRoom()).toBe(true);
    expect(removed).toEqual(['a']);
    await copies.sweep();
    expect(removed).toEqual(['a', 'b']);
  });

  test('are all looked at, however many there are', async () => {
    const { copies, removed } = copiesOf(Object.fromEntries(Array.from({ length: 55 }, (_, i) => [`r${i}`, i + 1])), 0);
    await copies.sweep();
    expect(removed).toHaveLength(55);
  });
});
