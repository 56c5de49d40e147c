/** Real encoders publish over RTMP into a real hub; what reaches its sinks is looked at. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Unit } from '@millrace/media/unit';
import { afterEach, describe, expect, test } from 'vitest';
import { BenchStand } from './testing/bench-stand.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Encoder {
  /** Resolves with what it printed once it is gone. */
  readonly finished: Promise<{ readonly code: number | null; readonly output: string }>;
  kill(): void;
}

function start(command: string, args: readonly string[]): Encoder {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const collect = (bytes: Buffer) => {
    output += bytes;
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return { finished: once(child, 'close').then(([code]) => ({ code, output })), kill: () => child.kill('SIGKILL') };
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '30'];
const AAC = ['-c:a', 'aac'];

function ffmpeg(url: string, ...args: readonly string[]): Encoder {
  return start('ffmpeg', ['-hide_banner', '-loglevel', 'warning', ...args, '-f', 'flv', url]);
}

async function launched(options?: ConstructorParameters<typeof BenchStand>[0]): Promise<BenchStand> {
  const stand = new BenchStand(options);
  await stand.start();
  return stand;
}

/** Publishes to its end and returns what arrived. */
async function published(stand: BenchStand, encoder: Encoder) {
  const { code, output } = await encoder.finished;
  expect(code, output).toBe(0);
  return stand.until('a', (sink) => sink.pauses > 0);
}

function steps(units: readonly Unit[]): number[] {
  return units.slice(1).map((unit, i) => unit.dts - (units[i]?.dts ?? 0));
}

describe('encoders', () => {
  test('ffmpeg publishes H.264 and AAC', async () => {
    await using stand = await launched();
    const sink = await published(stand, ffmpeg(stand.url('key-a'), ...PICTURE, ...SOUND, ...H264, ...AAC, '-t', '3'));
    expect(sink.formats).toHaveLength(1);
    expect(sink.formats[0]).toMatchObject([
      { kind: 'video', codec: 'h264', codecString: 'avc1.42c00d', width: 320, height: 180, timescale: 90_000 },
      { kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', sampleRate: 44_100, channels: 1, timescale: 44_100 },
    ]);
    const video = sink.of('video');
    expect(video).toHaveLength(90);
    expect(video.flatMap((unit, i) => (unit.key ? [i] : []))).toEqual([0, 30, 60]);
    expect(new Set(steps(sink.of('audio')))).toEqual(new Set([1024]));
    expect(stand.server.counters).toMatchObject({ publishesStarted: 1, protocolErrors: 0, unsupportedTracks: 0 });
  });

  test('B-frames keep their order of decoding and of display', async () => {
    await using stand = await launched();
    const sink = await published(stand, ffmpeg(stand.url('key-a'), ...PICTURE, '-c:v', 'libx264', '-bf', '2', '-pix_fmt', 'yuv420p', '-g', '30', '-t', '2'));
    const video = sink.of('video');
    expect(video.some((unit) => unit.pts > unit.dts)).toBe(true);
    expect(video.every((unit) => unit.pts >= unit.dts)).toBe(true);
    expect(steps(video).every((step) => step > 0)).toBe(true);
    expect(sink.formats[0]).toHaveLength(1);
  });

  test('29.97 frames a second keep the milliseconds they were stamped with', async () => {
    await using stand = await launched();
    const sink = await published(stand, ffmpeg(stand.url('key-a'), '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30000/1001', ...H264, '-t', '3'));
    expect(new Set(steps(sink.of('video')))).toEqual(new Set([33 * 90, 34 * 90]));
  });

  test('audio alone is a broadcast', async () => {
    await using stand = await launched();
    const sink = await published(stand, ffmpeg(stand.url('key-a'), ...SOUND, ...AAC, '-t', '2'));
    expect(sink.formats).toMatchObject([[{ kind: 'audio', codec: 'aac' }]]);
    expect(sink.units.length).toBeGreaterThan(80);
  });

  test('a codec that cannot be packaged is refused in words and the rest goes on', async () => {
    await using stand = await launched();
    // FLV's own defaults: Sorenson H.263 and MP3.
    const sink = await published(stand, ffmpeg(stand.url('key-a'), ...PICTURE, ...SOUND, '-t', '2'));
    expect(sink.formats).toMatchObject([[{ kind: 'audio', codec: 'mp3', codecString: 'mp3', sampleRate: 44_100 }]]);
    expect(new Set(steps(sink.units))).toEqual(new Set([1152]));
    expect(stand.server.counters.unsupportedTracks).toBe(1);
  });

  test.each(['rtmp2sink', 'rtmpsink'])('GStreamer publishes through %s', async (element) => {
    await using stand = await launched();
    const pipeline = [
      ...['flvmux', 'name=mux', 'streamable=true', '!', element, `location=${stand.url('key-a')}`],
      ...[
        'videotestsrc',
        'num-buffers=60',
        '!',
        'video/x-raw,width=320,height=180,framerate=30/1',
        '!',
        'x264enc',
        'tune=zerolatency',
        'key-int-max=30',
        '!',
        'h264parse',
        '!',
        'mux.',
      ],
      ...['audiotestsrc', 'num-buffers=90', '!', 'audio/x-raw,rate=48000', '!', 'avenc_aac', '!', 'aacparse', '!', 'mux.'],
    ];
    const sink = await published(stand, start('gst-launch-1.0', ['-q', ...pipeline]));
    expect(sink.formats.at(-1)).toMatchObject([
      { kind: 'video', codec: 'h264', width: 320, height: 180 },
      { kind: 'audio', codec: 'aac', sampleRate: 48_000 },
    ]);
    expect(sink.of('video')).toHaveLength(60);
    expect(sink.units.find((unit) => unit.track === sink.track('video')?.id)?.key).toBe(true);
  });

  test.each([
    { video: 'hevc', audio: 'aac', codecs: [/^hvc1\.1\.6\.L\d+\./, /^mp4a\.40\.2$/] },
    { video: 'av1', audio: 'opus', codecs: [/^av01\.0\.\d\dM\.08$/, /^opus$/] },
    { video: 'vp9', audio: 'opus', codecs: [/^vp09\.00\.\d\d\.08$/, /^opus$/] },
  ])('Enhanced RTMP carries $video and $audio', async ({ video, audio, codecs }) => {
    await using stand = await launched();
    const args = ['e2e/publishers/enhanced-rtmp.ts', stand.url('key-a'), '--video', video, '--audio', audio, '--seconds', '2', '--fast'];
    const sink = await published(stand, start(process.execPath, args));
    expect(sink.formats).toHaveLength(1);
    expect(sink.formats[0]?.map((track) => track.codecString)).toEqual(codecs.map((codec) => expect.stringMatching(codec)));
    expect(sink.track('video')).toMatchObject({ codec: video, width: 320, height: 180 });
    expect(sink.of('video')).toHaveLength(60);
    expect(sink.of('video')[0]?.key).toBe(true);
    expect(new Set(steps(sink.of('audio')))).toEqual(new Set([audio === 'opus' ? 960 : 1024]));
  });

  test('RTMPS serves the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-rtmps-'));
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost'],
      {
        stdio: 'ignore',
      },
    );
    await using stand = await launched({ tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) } });
    rmSync(folder, { recursive: true });
    const sink = await published(stand, ffmpeg(stand.url('key-a'), ...PICTURE, ...SOUND, ...H264, ...AAC, '-t', '1'));
    expect(sink.of('video')).toHaveLength(30);
    expect(stand.lines.every((line) => !JSON.stringify(line).includes('key-a'))).toBe(true);
  });
});

describe('a second publisher', () => {
  const live = [...['-re', ...PICTURE], ...H264];

  test('takes over with the key, and the first is told', async () => {
    await using stand = await launched();
    const first = ffmpeg(stand.url('key-a'), ...live, '-t', '60');
    await stand.until('a', (sink) => sink.units.length > 5);
    ffmpeg(stand.url('key-a'), ...live, '-t', '60');
    const sink = await stand.until('a', (seen) => seen.formats.length === 2);
    await first.finished;
    const before = sink.units.length;
    await stand.until('a', (seen) => seen.units.length > before + 5);
    expect(sink.pauses).toBe(0);
    expect(steps(sink.of('video')).every((step) => step > 0)).toBe(true);
    expect(stand.server.counters.publishers).toBe(1);
  });

  test('is refused where the stream wants that, and the first goes on', async () => {
    await using stand = await launched();
    ffmpeg(stand.url('refuse-a'), ...live, '-t', '60');
    await stand.until('a', (sink) => sink.units.length > 5);
    const { code } = await ffmpeg(stand.url('refuse-a'), ...live, '-t', '60').finished;
    expect(code).not.toBe(0);
    expect(stand.server.counters).toMatchObject({ occupied: 1, publishers: 1 });
    const before = stand.sinks.get('a')?.units.length ?? 0;
    await stand.until('a', (sink) => sink.units.length > before + 5);
  });

  test('after a cut connection continues the same broadcast', async () => {
    await using stand = await launched();
    const first = ffmpeg(stand.url('key-a'), ...live, '-t', '60');
    await stand.until('a', (sink) => sink.units.length > 5);
    first.kill();
    await stand.untilState('a', 'reconnecting');
    ffmpeg(stand.url('key-a'), ...live, '-t', '60');
    await stand.untilState('a', 'live');
    const sink = await stand.until('a', (seen) => seen.formats.length === 2 && seen.units.length > 20);
    expect(new Set(stand.broadcasts.map((broadcast) => broadcast.broadcastId)).size).toBe(1);
    expect(steps(sink.of('video')).every((step) => step > 0)).toBe(true);
  });
});

test('a wrong key is refused, counted and kept out of the log', async () => {
  await using stand = await launched();
  const { code } = await ffmpeg(stand.url('guess-1234'), ...PICTURE, ...H264, '-t', '60').finished;
  expect(code).not.toBe(0);
  expect(stand.server.counters).toMatchObject({ refused: 1, publishesStarted: 0 });
  expect(JSON.stringify(stand.lines)).toContain('wrong_key');
  expect(JSON.stringify(stand.lines)).not.toContain('guess-1234');
});

test('a player is accepted by its digest handshake and told that RTMP is not for playing', async () => {
  await using stand = await launched();
  const { output } = await start('ffmpeg', ['-hide_banner', '-i', stand.url('key-a'), '-f', 'null', '-']).finished;
  expect(output).not.toContain('validating failed');
  expect(output).toContain('only for publishing');
});
