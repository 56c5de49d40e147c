/** Recordings on a file system that runs full: a small one in memory, which takes root to mount. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayMount, SmallDisk } from '../../lib/testing/small-disk.ts';
import { readArchive } from './read-archive.ts';
import { RecordingStudio } from './testing/studio.ts';

const MEGABYTE = 1024 * 1024;

describe.skipIf(!mayMount)('on a disk that runs full', () => {
  it('a recording stops at the last byte, plays up to there, and its broadcast goes on', async () => {
    await using disk = await SmallDisk.mount(3);
    await using studio = new RecordingStudio({ folder: disk.path });
    for (let second = 0; second < 60; second++) {
      studio.first.send(1, 4_000);
      await studio.recorder.round();
    }
    expect(studio.ended).toMatchObject([{ id: 'recording-one', problem: 'disk_full' }]);
    expect(studio.recorder.counters).toMatchObject({ stopped: 1, failures: 1 });
    expect(studio.packager.ended).toBe(false);
    expect(studio.packager.renditions[0]?.segments.length).toBeGreaterThan(10);
    const archive = await readArchive(studio.files);
    expect(archive.seconds).toBeGreaterThan(20);
    expect(archive.bytes).toBeGreaterThan(2 * MEGABYTE);
    expect(archive.renditions.map(({ name }) => name)).toEqual(['video', 'audio']);
  });

  it('what viewers may go back to is given up first; then recordings stop, and some room stays', async () => {
    await using disk = await SmallDisk.mount(16);
    await using studio = new RecordingStudio({ folder: disk.path, minFreeBytes: 6 * MEGABYTE });
    await studio.recorder.start();
    const watched = studio.open({ recording: undefined, rewindSeconds: Number.POSITIVE_INFINITY });
    let rewindAt: number | undefined;
    let stoppedAt: number | undefined;
    for (let second = 0; second < 800 && stoppedAt === undefined; second++) {
      studio.first.send(1, 1_200);
      watched.send(1, 1_200);
      await studio.recorder.round();
      if (rewindAt === undefined && watched.packager.past === undefined && second > 1) rewindAt = second;
      if (studio.ended.length > 0) stoppedAt = second;
    }
    expect(rewindAt).toBeGreaterThan(60);
    expect(stoppedAt).toBeGreaterThan(rewindAt ?? Number.POSITIVE_INFINITY);
    expect(studio.ended).toMatchObject([{ problem: 'disk_full' }]);
    expect(studio.recorder.isLow).toBe(true);
    expect(await disk.freeBytes()).toBeGreaterThan(5 * MEGABYTE);
    expect(await readdir(join(disk.path, 'rewind'))).toEqual([]);
    expect(studio.packager.ended || watched.packager.ended).toBe(false);
  });
});
