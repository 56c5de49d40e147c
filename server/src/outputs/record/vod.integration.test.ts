/** Real encoded media, interrupted and changed on its way, through packager and recorder onto disk, and by HTTP into ffmpeg. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Track } from '@millrace/media/track';
import { expect, it } from 'vitest';
import { type Progress, UNWATCHED } from '../../lib/progress.ts';
import { silentLog } from '../../lib/silent-log.ts';
import type { StoredFiles } from '../../lib/stored-files.ts';
import { type EncodedMedia, encodeMedia } from '../cmaf/testing/encoded-media.ts';
import { OPEN_GATE, serve } from './testing/http.ts';
import { RECORDED, RecordingStudio } from './testing/studio.ts';
import { VodRoutes, type VodRoutesDeps } from './vod-routes.ts';

const run = promisify(execFile);

const SECONDS = 6;
const AAC = { source: `sine=d=${SECONDS}:r=48000`, args: ['-c:a', 'aac', '-b:a', '64k'] };

function picture(size: string, codec: readonly string[]) {
  return { source: `testsrc2=s=${size}:r=25:d=${SECONDS}`, args: [...codec, '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'] };
}

const H264 = ['-c:v', 'libx264', '-bf', '2'];
const HEVC = ['-c:v', 'libx265', '-tag:v', 'hvc1', '-x265-params', 'log-level=error:keyint=25:min-keyint=25'];

/** Sends it so many seconds into the broadcast. */
function send(studio: RecordingStudio, { tracks, units }: EncodedMedia, at: number): void {
  const { packager } = studio;
  packager.tracks(tracks);
  const timescales = new Map(tracks.map((track: Track) => [track.id, track.timescale]));
  for (const unit of units) {
    const shift = Math.round(at * (timescales.get(unit.track) ?? 1));
    packager.unit({ ...unit, dts: unit.dts + shift, pts: unit.pts + shift });
  }
}

function vodOf(studio: RecordingStudio, { title = 'A title', ...deps }: { readonly title?: string | undefined } & Partial<VodRoutesDeps> = {}) {
  const usual = { lookUp: async () => ({ title }), filesOf: () => studio.files, beginDownload: () => UNWATCHED };
  return new VodRoutes({ gate: OPEN_GATE, clock: studio.clock, log: silentLog, ...usual, ...deps });
}

async function probe(address: string) {
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-count_packets',
    '-show_entries',
    'stream=codec_name,codec_type,nb_read_packets,start_time:format=duration',
    '-of',
    'json',
    address,
  ]);
  const { streams, format }: { streams: { codec_name: string; codec_type: string; nb_read_packets: string; start_time: string }[]; format: { duration: string } } =
    JSON.parse(stdout);
  return { streams, seconds: Number(format.duration) };
}

/** How many frames come out of the decoder, and what it complains of. */
async function decode(address: string): Promise<{ readonly frames: number; readonly complaints: string }> {
  const { stdout, stderr } = await run('ffmpeg', ['-v', 'error', '-nostdin', '-i', address, '-map', '0:v:0', '-vf', 'scale=64:36', '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], {
    encoding: 'buffer',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { frames: stdout.length / (64 * 36), complaints: stderr.toString() };
}

it('plays a recording with B-frames, an interruption and another size as one, in HLS, DASH and MP4', async () => {
  const small = await encodeMedia({ video: picture('192x108', H264), audio: AAC });
  const large = await encodeMedia({ video: picture('320x180', H264), audio: AAC });
  await using studio = new RecordingStudio();
  studio.packager.pause();
  send(studio, small, 0);
  await studio.recorder.round();
  studio.packager.pause();
  // Twenty seconds of nothing, then the same again, then another size.
  send(studio, small, SECONDS + 20);
  await studio.recorder.round();
  send(studio, large, 2 * SECONDS + 20);
  studio.packager.end();
  await studio.recorder.round();
  const outcome = studio.ended[0];
  expect(outcome?.seconds).toBeCloseTo(3 * SECONDS, 0);
  await using http = await serve(vodOf(studio));
  const base = `${http.base}/vod/recording-one`;
  const frames = 3 * SECONDS * 25;

  const playlist = await (await fetch(`${base}/video/index.m3u8`)).text();
  expect(playlist).toContain('#EXT-X-PLAYLIST-TYPE:VOD');
  expect(playlist.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(2);
  expect(playlist.trimEnd().endsWith('#EXT-X-ENDLIST')).toBe(true);
  const hls = await probe(`${base}/index.m3u8`);
  expect(hls.seconds).toBeCloseTo(3 * SECONDS, 0);
  expect(hls.streams.map(({ codec_name }) => codec_name).sort()).toEqual(['aac', 'h264']);
  expect(Number(hls.streams.find(({ codec_type }) => codec_type === 'video')?.nb_read_packets)).toBe(frames);

  const manifest = await (await fetch(`${base}/manifest.mpd`)).text();
  expect(manifest).toContain('type="static"');
  const starts = [...manifest.matchAll(/<Period id="[^"]+" start="PT([\d.]+)S" duration="PT([\d.]+)S"/g)].map(([, start, length]) => [Number(start), Number(length)]);
  expect(starts).toHaveLength(3);
  for (const [i, [start = 0]] of starts.entries()) expect(start).toBeCloseTo(i * SECONDS, 0);

  const mp4 = await probe(`${base}/download.mp4`);
  expect(mp4.seconds).toBeCloseTo(3 * SECONDS, 0);
  expect(mp4.streams.map(({ codec_type, nb_read_packets }) => [codec_type, Number(nb_read_packets)])).toEqual([
    ['video', frames],
    ['audio', 3 * small.units.filter(({ track }) => track === 2).length],
  ]);
  for (const { start_time } of mp4.streams) expect(Number(start_time)).toBeLessThan(0.1);
  const decoded = await decode(`${base}/download.mp4`);
  expect(decoded.complaints).toBe('');
  expect(decoded.frames).toBeGreaterThan(frames - 5);
  expect(decoded.frames).toBeLessThan(frames + 5);
});

it('leaves out of the MP4 what is in another codec than most, and keeps sound and picture together', async () => {
  const [usual, other] = [await encodeMedia({ video: picture('192x108', H264), audio: AAC }), await encodeMedia({ video: picture('192x108', HEVC), audio: AAC })];
  await using studio = new RecordingStudio();
  studio.packager.pause();
  send(studio, usual, 0);
  send(studio, other, SECONDS);
  send(studio, usual, 2 * SECONDS);
  studio.packager.end();
  await studio.recorder.round();
  await using http = await serve(vodOf(studio));
  const mp4 = await probe(`${http.base}/vod/recording-one/download.mp4`);
  expect(mp4.streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
  expect(Number(mp4.streams[0]?.nb_read_packets)).toBe(2 * SECONDS * 25);
  // The sound of the stretch without a picture is there, and the last frame before it stands still.
  expect(mp4.seconds).toBeCloseTo(3 * SECONDS, 0);
  const { complaints } = await decode(`${http.base}/vod/recording-one/download.mp4`);
  expect(complaints).toBe('');
});

it('lets a rendition that came later begin with gaps', async () => {
  const silent = await encodeMedia({ video: picture('192x108', H264) });
  const sounding = await encodeMedia({ video: picture('192x108', H264), audio: AAC });
  await using studio = new RecordingStudio();
  studio.packager.pause();
  send(studio, silent, 0);
  send(studio, sounding, SECONDS);
  studio.packager.end();
  await studio.recorder.round();
  await using http = await serve(vodOf(studio));
  const of = async (name: string) => (await (await fetch(`${http.base}/vod/recording-one/${name}/index.m3u8`)).text()).match(/#EXTINF:[\d.]+/g)?.length;
  expect(await of('audio')).toBe(await of('video'));
  expect(await (await fetch(`${http.base}/vod/recording-one/audio/index.m3u8`)).text()).toContain('#EXT-X-GAP');
  // No pictures were made of it: a storyboard without a cue, and no poster.
  expect(await (await fetch(`${http.base}/vod/recording-one/storyboard.vtt`)).text()).toBe('WEBVTT\n');
  expect(await (await fetch(`${http.base}/vod/recording-one/poster.jpg`)).json()).toMatchObject({ status: 404, code: 'picture_not_found' });
});

it('makes a download ready before it is asked for, once for all who want it, and says how far that is', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(30);
  studio.packager.end();
  await studio.recorder.round();
  const shares: number[] = [];
  let ended = 0;
  const progress: Progress = { advance: (share) => void shares.push(share), end: () => void ended++ };
  const vod = vodOf(studio, { beginDownload: () => progress });
  await Promise.all([vod.prepareDownload('recording-one'), vod.prepareDownload('recording-one')]);
  expect(ended).toBe(1);
  expect([shares[0], shares.toSorted((a, b) => a - b)]).toEqual([0, shares]);
  expect(shares.at(-1)).toBeGreaterThan(0.9);
  await using http = await serve(vod);
  expect((await fetch(`${http.base}/vod/recording-one/download.mp4`)).status).toBe(200);
  expect(ended).toBe(1);
  rmSync(studio.recorder.recordingFolder('recording-one'), { recursive: true });
  vod.forget('recording-one');
  await expect(vod.prepareDownload('recording-one')).rejects.toMatchObject({ code: 'media_not_found' });
});

it('makes no more downloads ready at once than there may be, and takes on others as they are done', async () => {
  await using studio = new RecordingStudio();
  studio.first.send(2);
  studio.packager.end();
  await studio.recorder.round();
  const slow = Promise.withResolvers<void>();
  /** From afar. */
  const files: StoredFiles = {
    sizes: () => studio.files.sizes(),
    has: (path) => studio.files.has(path),
    read: (path) => studio.files.read(path),
    reader() {
      const reader = studio.files.reader();
      const read: typeof reader.read = async (...range) => {
        await slow.promise;
        return reader.read(...range);
      };
      return { read, close: () => reader.close() };
    },
  };
  let begun = 0;
  const beginDownload = () => {
    begun++;
    return UNWATCHED;
  };
  const vod = vodOf(studio, { filesOf: () => files, beginDownload });
  const preparing = Array.from({ length: 16 }, (_, i) => vod.prepareDownload(`recording-${i}`));
  await expect.poll(() => begun).toBe(16);
  await expect(vod.prepareDownload('one-more')).rejects.toMatchObject({ code: 'overloaded', params: { retryAfterSeconds: 30 } });
  await using http = await serve(vod);
  const refused = await fetch(`${http.base}/vod/one-more/download.mp4`);
  expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([503, '30', expect.objectContaining({ code: 'overloaded' })]);
  slow.resolve();
  await Promise.all(preparing);
  await vod.prepareDownload('one-more');
  expect((await fetch(`${http.base}/vod/one-more/download.mp4`)).status).toBe(200);
  expect(begun).toBe(17);
});

it('names downloads so that no title leads anywhere', async () => {
  const media = await encodeMedia({ video: picture('192x108', H264) });
  await using studio = new RecordingStudio({ plan: RECORDED });
  studio.packager.pause();
  send(studio, media, 0);
  studio.packager.end();
  await studio.recorder.round();
  for (const [title, name] of [
    ['../../etc/passwd', `attachment; filename="_.._etc_passwd.mp4"; filename*=UTF-8''_.._etc_passwd.mp4`],
    ['a"b\r\nSet-Cookie: x', `attachment; filename="a_b__Set-Cookie_ x.mp4"; filename*=UTF-8''a_b__Set-Cookie_%20x.mp4`],
    ['...', `attachment; filename="recording.mp4"; filename*=UTF-8''recording.mp4`],
    ['水車（夜）', `attachment; filename="_____.mp4"; filename*=UTF-8''%E6%B0%B4%E8%BB%8A%EF%BC%88%E5%A4%9C%EF%BC%89.mp4`],
  ]) {
    await using http = await serve(vodOf(studio, { title }));
    expect((await fetch(`${http.base}/vod/recording-one/download.mp4`, { method: 'HEAD' })).headers.get('content-disposition')).toBe(name);
  }
  await using http = await serve(vodOf(studio));
  for (const path of [
    'video/../about.json',
    'about.json',
    'video/index',
    'video/media-0.m4s',
    'video/0.json',
    '..%2f..%2fsecrets',
    'nothing/index.m3u8',
    'video/epoch0-99.m4s',
    'video/epoch0-init-7.mp4',
  ])
    expect((await fetch(`${http.base}/vod/recording-one/${path}`)).status, path).toBe(404);
});
