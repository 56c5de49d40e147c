/** Recordings of real encoders by a real server: kept, played, hidden, deleted, and there after the server was killed. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { run } from './harness/child.ts';
import { freePort } from './harness/free-port.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { DataFolder, type RunningServer, startServer } from './harness/server.ts';
import { until } from './harness/until.ts';

/** "Within seconds" of the end, on a busy machine. */
const READY_MS = 10_000;

/** Of the tests that let it live. */
const folder = new DataFolder();
let server: RunningServer;

beforeAll(async () => {
  for (const tool of ['ffmpeg', 'ffprobe'] as const) await ensureTool(tool);
  server = await startServer({ dataDir: folder.data });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe.concurrent('recordings', () => {
  test('a broadcast that records can be played by HLS and DASH and downloaded seconds after its end, at the length it had', async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey } = await owner.create({ title: 'Déjà vu / "kept"', record: true });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const began = performance.now();
    expect(await owner.untilRecording('recording', 10_000)).toMatchObject({ title: 'Déjà vu / "kept"', visibility: 'unlisted', seconds: 0, endedAt: null });
    await until(() => performance.now() - began > 12_000, { what: 'twelve seconds of media', timeoutMs: 20_000 });
    await owner.stop(stream.id);
    const lasted = (performance.now() - began) / 1000;
    const recording = await owner.untilRecording('ready', READY_MS);
    expect(recording.problem).toBeNull();
    expect(recording.seconds).toBeGreaterThan(lasted - 2);
    expect(recording.seconds).toBeLessThan(lasted + 3);
    for (const address of [recording.playback.hls, recording.playback.dash, recording.playback.download]) {
      const { seconds, codecs } = await probe(address);
      expect(codecs, address).toEqual(['aac', 'h264']);
      expect(Math.abs(seconds - recording.seconds), address).toBeLessThan(0.5);
      // Every frame is there, and decodes.
      const frames = await decodedFrames(address);
      expect(Math.abs(frames.count - recording.seconds * 30), address).toBeLessThan(20);
      expect(frames.errors, address).toBe('');
    }
    const head = await fetch(recording.playback.download, { method: 'HEAD' });
    expect(head.headers.get('content-disposition')).toBe(`attachment; filename="D_j_ vu _ _kept_.mp4"; filename*=UTF-8''D%C3%A9j%C3%A0%20vu%20_%20_kept_.mp4`);
    const middle = await fetch(recording.playback.download, { headers: { range: 'bytes=1000-1999' } });
    expect(middle.status).toBe(206);
    const whole = new Uint8Array(await (await fetch(recording.playback.download)).arrayBuffer());
    expect(new Uint8Array(await middle.arrayBuffer())).toEqual(whole.subarray(1000, 2000));
    expect(whole.length).toBe(Number(head.headers.get('content-length')));
  });

  test('kill -9 in mid-recording costs at most two seconds of it, and the broadcast that goes on makes another', async ({ expect }) => {
    using own = new DataFolder();
    const dataDir = own.data;
    const ports = { PORT: String(await freePort()), RTMP_PORT: String(await freePort()) };
    const before = await startServer({ dataDir, env: ports });
    const owner = await Owner.guest(before.http);
    const { stream, streamKey } = await owner.create({ title: 'Killed', record: true });
    const encoder = publishWithFfmpeg(`${before.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    await owner.untilRecording('recording', 10_000);
    const edge = await until(async () => liveSeconds(await playlistOf(before.http, stream.id)) > 11 && liveSeconds(await playlistOf(before.http, stream.id)), {
      what: 'eleven seconds of media',
      timeoutMs: 30_000,
    });
    await before.kill();
    await encoder.stop('SIGKILL');

    await using again = await startServer({ dataDir, env: ports });
    const recording = await owner.untilRecording('ready', READY_MS);
    expect(recording.problem).toBe('interrupted');
    expect(recording.seconds).toBeGreaterThan(edge - 2);
    const { seconds, codecs } = await probe(recording.playback.hls);
    expect(codecs).toEqual(['aac', 'h264']);
    expect(Math.abs(seconds - recording.seconds)).toBeLessThan(0.5);
    expect((await decodedFrames(recording.playback.download)).count).toBeGreaterThan((edge - 2) * 30);
    const storyboard = await (await fetch(recording.playback.storyboard)).text();
    const [sheet] = /^sprite-\S+\.jpg(?=#xywh=0,0,160,90$)/m.exec(storyboard) ?? [];
    expect(storyboard).toContain('00:00:00.000 --> ');
    for (const picture of [recording.playback.poster, new URL(sheet ?? '', recording.playback.storyboard)])
      expect((await fetch(picture)).headers.get('content-type')).toBe('image/jpeg');
    await using _encoder = publishWithFfmpeg(`${again.rtmp}/${streamKey}`, { video: LIGHT });
    await until(async () => (await owner.recordings()).some(({ state }) => state === 'recording'), { what: 'a second recording', timeoutMs: 15_000 });
    expect(again.logs().filter(({ level }) => level === 'error' || level === 50)).toEqual([]);
  });

  test('a private recording plays for its owner and with a token alone, and nothing is left of a deleted one', async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey } = await owner.create({ title: 'Mine', record: true, visibility: 'private' });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    await until(async () => (await owner.get(stream.id)).stream.broadcast, { what: 'a broadcast', timeoutMs: 5_000 });
    const files = join(folder.data, 'media', 'recordings', (await owner.untilRecording('recording', 10_000)).id);
    await until(() => bytesBelow(files) > 100_000, { what: 'some of it to be on disk', timeoutMs: 20_000 });
    const { poster } = (await owner.get(stream.id)).playback;
    await until(async () => (await fetch(poster)).status === 200, { what: 'a poster', timeoutMs: 10_000 });
    expect((await fetch(poster.replace(/\?.*$/, ''))).status).toBe(401);
    await owner.stop(stream.id);
    const recording = await owner.untilRecording('ready', READY_MS);
    const bare = recording.playback.hls.replace(/\?.*$/, '');
    expect((await fetch(recording.playback.hls)).status).toBe(200);
    expect((await fetch(bare)).status).toBe(404);
    expect((await fetch(bare, { headers: { authorization: `Bearer ${owner.token}` } })).status).toBe(200);
    const stranger = await Owner.guest(server.http);
    expect((await fetch(bare, { headers: { authorization: `Bearer ${stranger.token}` } })).status).toBe(404);
    expect((await owner.changeRecording(recording.id, { visibility: 'unlisted' })).playback.hls).toBe(bare);
    expect((await fetch(bare)).status).toBe(200);
    expect(existsSync(files)).toBe(true);
    await owner.deleteRecording(recording.id);
    expect(existsSync(files)).toBe(false);
    expect((await fetch(bare)).status).toBe(404);
    expect(await owner.recordings()).toEqual([]);
  });

  test('stop with keepRecording false leaves nothing', async ({ expect }) => {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey } = await owner.create({ title: 'Not kept', record: true });
    await using _encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, { video: LIGHT });
    await owner.untilStatus(stream.id, 'live', 15_000);
    const { id } = await owner.untilRecording('recording', 10_000);
    await owner.stop(stream.id, { keepRecording: false });
    await until(async () => (await owner.recordings()).length === 0, { what: 'the recording to go', timeoutMs: READY_MS });
    expect(existsSync(join(folder.data, 'media', 'recordings', id))).toBe(false);
  });
});

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, file) => sum + (file.isFile() ? statSync(join(file.parentPath, file.name)).size : 0), 0);
}

async function playlistOf(http: string, streamId: string): Promise<string> {
  const answer = await fetch(`${http}/hls/${streamId}/video/index.m3u8`);
  return answer.text();
}

/** Of everything that was published, the parts of the open segment included. */
function liveSeconds(playlist: string): number {
  let seconds = 0;
  let open = 0;
  for (const line of playlist.split('\n')) {
    if (line.startsWith('#EXT-X-PART:')) open += Number(/DURATION=([\d.]+)/.exec(line)?.[1] ?? 0);
    const whole = /^#EXTINF:([\d.]+)/.exec(line)?.[1];
    if (whole === undefined) continue;
    if (!playlist.includes(`#EXT-X-GAP\n${line}`)) seconds += Number(whole);
    open = 0;
  }
  return seconds + open;
}

async function probe(address: string): Promise<{ readonly seconds: number; readonly codecs: string[] }> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration:stream=codec_name', '-of', 'json', address], { timeoutMs: 60_000 });
  const parsed: { format?: { duration?: string }; streams?: { codec_name?: string }[] } = JSON.parse(stdout);
  const codecs = new Set((parsed.streams ?? []).flatMap(({ codec_name }) => codec_name ?? []));
  return { seconds: Number(parsed.format?.duration), codecs: [...codecs].sort() };
}

async function decodedFrames(address: string): Promise<{ readonly count: number; readonly errors: string }> {
  const { stdout, stderr } = await run('ffmpeg', ['-v', 'error', '-nostdin', '-i', address, '-map', '0:v:0', '-f', 'null', '-progress', '-', '-'], { timeoutMs: 90_000 });
  const counts = [...stdout.matchAll(/^frame=\s*(\d+)$/gm)];
  return { count: Number(counts.at(-1)?.[1] ?? 0), errors: stderr.trim() };
}
