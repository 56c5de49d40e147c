import { appendFile, cp, mkdir, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskFiles } from '../../lib/stored-files.ts';
import { AUDIO, SMALL_VIDEO, smallPicture, VIDEO } from '../../stream/testing/source.ts';
import { closedFiles, indexPath, mediaPath } from './archive-folder.ts';
import { readArchive } from './read-archive.ts';
import { pictureIndexPath } from './stored-pictures.ts';
import { RECORDED, RecordingStudio } from './testing/studio.ts';

it('keeps every segment of every rendition, byte for byte', async () => {
  await using studio = new RecordingStudio();
  const sent = new Map<string, Buffer>();
  for (let second = 0; second < 90; second++) {
    studio.first.send(1);
    await studio.recorder.round();
    for (const rendition of studio.packager.renditions)
      for (const segment of rendition.segments) if (segment.complete && !segment.gap) sent.set(`${rendition.name} ${segment.msn}`, Buffer.concat(segment.bodies));
  }
  studio.packager.end();
  await studio.recorder.round();
  expect(studio.ended).toMatchObject([{ id: 'recording-one', problem: null }]);
  const archive = await readArchive(studio.files);
  expect(archive.faults).toEqual([]);
  expect(archive.renditions.map(({ name }) => name)).toEqual(['video', 'audio']);
  expect(archive.seconds).toBeCloseTo(90, 0);
  expect(archive.bytes).toBe(studio.ended[0]?.bytes);
  let compared = 0;
  for (const { name, segments } of archive.renditions) {
    for (const segment of segments) {
      const was = sent.get(`${name} ${segment.msn}`);
      if (!was) continue;
      expect(Buffer.from(await studio.read(segment.media)).equals(was)).toBe(true);
      compared++;
    }
  }
  expect(compared).toBe(sent.size);
  expect(compared).toBeGreaterThan(80);
});

it('has all but the last moment when the server dies, also of the segment that was being made', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(10.5);
  await studio.recorder.round();
  // Nobody says goodbye: what is on disk now is all there will be.
  const archive = await readArchive(studio.files);
  expect(archive.faults).toEqual([]);
  expect(archive.seconds).toBeGreaterThan(9.8);
  const [video] = archive.renditions;
  expect(video?.segments.at(-1)?.record.complete).toBe(false);
});

it('reads what is left of files that were torn or truncated, and says what is missing', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(20);
  await studio.recorder.round();
  const folder = studio.recorder.recordingFolder('recording-one');
  const { size } = await stat(mediaPath(folder, 'video', 0));
  await truncate(mediaPath(folder, 'video', 0), size - 1);
  await appendFile(indexPath(folder, 'audio'), 'a torn record');
  const whole = 20;
  const archive = await readArchive(new DiskFiles(folder));
  expect(archive.faults).toHaveLength(2);
  expect(archive.faults.join()).toMatch(/segment \d+ of video is not whole/);
  expect(archive.faults.join()).toMatch(/13 bytes at the end of the index of audio/);
  const [video, audio] = archive.renditions;
  const secondsOf = (segments: readonly { readonly seconds: number }[] = []): number => segments.reduce((sum, { seconds }) => sum + seconds, 0);
  expect(secondsOf(video?.segments)).toBeLessThan(whole - 0.2);
  expect(secondsOf(video?.segments)).toBeGreaterThan(whole - 3.5);
  expect(secondsOf(audio?.segments)).toBeGreaterThan(whole - 1);
});

describe('what does not belong into an archive', () => {
  const tooLong = 65 * 1024 * 1024;
  it.each<[what: string, fault: RegExp | undefined, put: (folder: string) => Promise<unknown>]>([
    ['a file beside the renditions', undefined, (folder) => writeFile(join(folder, 'notes.txt'), 'mine')],
    [
      'a folder with the name of a rendition',
      /^video9 has no index$/,
      (folder) => mkdir(join(folder, 'video9')).then(() => writeFile(join(folder, 'video9', 'notes.txt'), 'mine')),
    ],
    ['a folder in place of an index', /^video has no index$/, (folder) => rm(indexPath(folder, 'video')).then(() => mkdir(indexPath(folder, 'video')))],
    ['an index that was deleted', /^video has no index$/, (folder) => rm(indexPath(folder, 'video'))],
    ['an index of other bytes', /bytes at the end of the index of video were not read$/, (folder) => writeFile(indexPath(folder, 'video'), Buffer.alloc(4_096, 0x5a))],
    ['an index that is far too long', /^the index of video has \d+ bytes, at most \d+ are read$/, (folder) => truncate(indexPath(folder, 'video'), tooLong)],
    ['a format of something else', /^format 0 of video cannot be read$/, (folder) => writeFile(join(folder, 'video', '0.json'), '{"track":"none"}')],
    ['media that was deleted', /^segment \d+ of video is not whole$/, (folder) => rm(mediaPath(folder, 'video', 0))],
    [
      'a link in place of media',
      /^segment \d+ of video is not whole$/,
      (folder) => rm(mediaPath(folder, 'video', 0)).then(() => symlink('/etc/passwd', mediaPath(folder, 'video', 0))),
    ],
    [
      'an index of pictures that is far too long',
      /^the index of pictures has \d+ bytes/,
      async (folder) => {
        await mkdir(dirname(pictureIndexPath(folder)), { recursive: true });
        await writeFile(pictureIndexPath(folder), '');
        await truncate(pictureIndexPath(folder), tooLong);
      },
    ],
  ])('%s is told to the operator and skipped, and the rest is read', async (_, fault, put) => {
    await using studio = new RecordingStudio();
    studio.first.send(4);
    studio.packager.end();
    await studio.recorder.round();
    await put(studio.recorder.recordingFolder('recording-one'));
    const archive = await readArchive(studio.files);
    if (fault) expect(archive.faults[0]).toMatch(fault);
    else expect(archive.faults).toEqual([]);
    const sound = archive.renditions.find(({ name }) => name === 'audio');
    expect(sound?.segments.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(4, 0);
  });
});

it('refuses folders that are no archives', async () => {
  await using studio = new RecordingStudio();
  const folder = join(studio.folder, 'recordings', 'alien');
  await expect(readArchive(new DiskFiles(folder))).rejects.toThrow();
  await mkdir(folder, { recursive: true });
  for (const text of ['', '{}', '{"layout":2}', '[1]', '{"layout":1,"streamId":"s","epoch":"../../etc","createdAt":1}']) {
    await writeFile(join(folder, 'about.json'), text);
    await expect(readArchive(new DiskFiles(folder))).rejects.toThrow();
  }
});

it('keeps one recording across a publisher that returns, with a discontinuity', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(6);
  await studio.recorder.round();
  studio.first.interrupt(5);
  studio.first.send(6);
  studio.packager.end();
  await studio.recorder.round();
  const { renditions } = await readArchive(studio.files);
  for (const { segments } of renditions) {
    expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect(new Set(segments.map(({ record }) => record.format)).size).toBe(2);
    expect(segments.map(({ msn }) => msn)).toEqual(segments.map((_, i) => (segments[0]?.msn ?? 0) + i));
  }
});

it('marks what a slow disk lost as a gap, and goes on', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(4);
  await studio.recorder.round();
  // Two windows of memory pass before the disk answers again.
  studio.first.send(100);
  await studio.recorder.round();
  studio.packager.end();
  await studio.recorder.round();
  const { renditions, faults } = await readArchive(studio.files);
  expect(faults).toEqual([]);
  expect(studio.recorder.counters.lostSegments).toBeGreaterThan(10);
  for (const { segments } of renditions) {
    expect(segments.some(({ gap }) => gap)).toBe(true);
    expect(segments.at(-1)?.gap).toBe(false);
    const length = segments.reduce((sum, { seconds }) => sum + seconds, 0);
    expect(length).toBeGreaterThan(103);
    expect(length).toBeLessThan(105);
  }
});

it('lists what players may go back to, and gives back the space behind it', async () => {
  await using studio = new RecordingStudio({ plan: { recording: undefined, rewindSeconds: 300 } });
  for (let minute = 0; minute < 12; minute++) {
    for (let i = 0; i < 6; i++) {
      studio.first.send(10);
      await studio.recorder.round();
    }
  }
  for (const rendition of studio.packager.renditions) {
    const listed = studio.packager.listed(rendition);
    const seconds = listed.reduce((sum, segment) => sum + segment.seconds, 0);
    expect(seconds).toBeGreaterThan(295);
    expect(seconds).toBeLessThan(306);
    expect(listed.map(({ msn }) => msn)).toEqual(listed.map((_, i) => (listed[0]?.msn ?? 0) + i));
    const first = listed[0];
    const media = studio.packager.past?.media(rendition.name, first?.msn ?? -1);
    expect((await studio.read(media)).length).toBe(first?.bytes);
  }
  const files = await readdir(join(studio.folder, 'rewind', 'epoch0', 'video'));
  expect(files.filter((name) => name.startsWith('media-')).length).toBeLessThanOrEqual(4);
});

it('deletes what is not to be kept', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(5);
  await studio.recorder.round();
  await studio.recorder.discard('stream-epoch0');
  studio.packager.end();
  await studio.recorder.round();
  expect(studio.dropped).toEqual(['recording-one']);
  expect(studio.ended).toEqual([]);
  await expect(readdir(studio.recorder.recordingFolder('recording-one'))).rejects.toThrow(/ENOENT/);
});

it('is discarded only once it is known whether it was written down as one to be kept', async () => {
  const [asked, planned] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using studio = new RecordingStudio({
    planned: () => {
      asked.resolve();
      return planned.promise;
    },
  });
  studio.first.send(1);
  const round = studio.recorder.round();
  await asked.promise;
  let isDiscarded = false;
  const discarding = studio.recorder.discard('stream-epoch0').then(() => {
    isDiscarded = true;
  });
  await new Promise((done) => setImmediate(done));
  expect(isDiscarded).toBe(false);
  planned.resolve();
  await Promise.all([discarding, round]);
  studio.packager.end();
  await studio.recorder.round();
  expect(studio.dropped).toEqual(['recording-one']);
  expect(studio.ended).toEqual([]);
});

it('stops at the quota, and the broadcast goes on', async () => {
  await using studio = new RecordingStudio({ plan: { ...RECORDED, recording: { id: 'recording-one', maxBytes: 30_000 } } });
  for (let second = 0; second < 20; second++) {
    studio.first.send(1);
    await studio.recorder.round();
  }
  expect(studio.ended).toMatchObject([{ problem: 'quota_reached' }]);
  expect(studio.ended[0]?.bytes).toBeLessThan(40_000);
  expect(studio.packager.ended).toBe(false);
  expect((await readArchive(studio.files)).seconds).toBeGreaterThan(3);
});

it('goes on when the disk is nearly full, as long as there are copies to be given up for it', async () => {
  let answer = Promise.withResolvers<boolean>();
  let asked = 0;
  const makeRoom = () => {
    asked++;
    return answer.promise;
  };
  await using studio = new RecordingStudio({ minFreeBytes: Number.MAX_SAFE_INTEGER, makeRoom });
  const record = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      studio.first.send(1);
      await studio.recorder.round();
    }
  };
  // Whoever is asked takes long: a store that hangs holds nothing up.
  await record(10);
  expect([asked, studio.recorder.isLow, studio.ended]).toEqual([1, true, []]);
  answer.resolve(true);
  await answer.promise;
  answer = Promise.withResolvers();
  await record(10);
  expect([asked, studio.ended]).toEqual([2, []]);
  answer.resolve(false);
  await answer.promise;
  await record(5);
  expect(studio.ended).toMatchObject([{ problem: 'disk_full' }]);
});

it('tells when a file is finished: nothing is added to it any more', async () => {
  await using studio = new RecordingStudio();
  const finished: string[][] = [];
  for (let step = 0; step < 60; step++) {
    studio.first.send(5);
    await studio.recorder.round();
    const told = studio.grown.splice(0).length;
    if (told > 0) finished.push(closedFiles([...(await studio.files.sizes()).keys()]).sort());
  }
  expect(finished.at(-1)).toEqual(['audio/media-0.m4s', 'audio/media-1.m4s', 'video/media-0.m4s', 'video/media-1.m4s']);
  const sizes = await studio.files.sizes();
  const before = finished.at(-1)?.map((path) => sizes.get(path));
  studio.packager.end();
  await studio.recorder.round();
  const after = await studio.files.sizes();
  expect(finished.at(-1)?.map((path) => after.get(path))).toEqual(before);
});

it('tells the sizes of a recording apart, the source first', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(4);
  await studio.recorder.round();
  const folder = studio.recorder.recordingFolder('recording-one');
  for (const name of ['480p', '1080p', 'video2', 'alien', 'audio2']) await cp(join(folder, 'video'), join(folder, name), { recursive: true });
  expect((await readArchive(new DiskFiles(folder))).renditions.map(({ name }) => name)).toEqual(['video', 'video2', '1080p', '480p', 'audio', 'audio2']);
});

it.each([
  ['all the time', 0, ['video', '180p', 'audio']],
  ['only at the end', 20, ['video', 'audio']],
] as const)('gives a smaller picture that was made %s to those who watch later, if there is enough of it', async (_, from, names) => {
  await using studio = new RecordingStudio();
  const { packager } = studio.first;
  const track = { ...SMALL_VIDEO, id: 10_010 };
  const tier = { name: '180p', track, bitsPerSecond: 300_000, maxFramesPerSecond: 25 };
  packager.tracks([VIDEO, AUDIO], [tier, { ...tier, name: '90p', track: { ...track, id: 10_011 } }]);
  for (let frame = 0; frame < 30 * 25; frame++) {
    studio.first.send(1 / 25);
    if (frame === from * 25) packager.beginTier('180p', track);
    if (frame >= from * 25) packager.unit({ ...smallPicture(frame / 25, frame % 25 === 0), track: track.id });
    if (frame % 25 === 0) await studio.recorder.round();
  }
  packager.end();
  await studio.recorder.round();
  const archive = await readArchive(studio.files);
  expect(archive.faults).toEqual([]);
  expect(archive.renditions.map(({ name }) => name)).toEqual(names);
});
