/** For tests of bridges: media with a beep, streams that run faster than the clock, and what ffmpeg makes of what comes out. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { concat } from '@millrace/media/big-endian';
import { writeChunkHead } from '@millrace/media/isobmff/chunk';
import { writeInitSegment } from '@millrace/media/isobmff/init-segment';
import type { Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Hub } from '../../stream/hub.ts';
import type { LiveStream, Publication } from '../../stream/live-stream.ts';
import type { BridgeListener } from '../bridge.ts';

const run = promisify(execFile);

/** What `encodeIvf` makes of a small source. */
export const VP8: VideoTrack = { id: 1, kind: 'video', codec: 'vp8', timescale: 90_000, config: new Uint8Array(0), codecString: 'vp8', width: 320, height: 180 };

/** Of decoded sound. */
const RATE = 48_000;

/** A second of a tone from each of these times on, else silence. */
export function beeps(seconds: number, at: readonly number[], rate: number): string {
  const on = at.map((begin) => `between(t\\,${begin}\\,${begin + 0.5})`).join('+');
  return `aevalsrc=(${on})*0.5*sin(2*PI*1000*t):s=${rate}:d=${seconds}`;
}

/** Pictures that ffmpeg encodes into an IVF file: VP8, VP9 or AV1 as WebRTC carries them. */
export async function encodeIvf(source: string, args: readonly string[], track: VideoTrack): Promise<Unit[]> {
  return inFolder(async (folder) => {
    const file = join(folder, 'video.ivf');
    // Several threads of libvpx wait for one another by spinning: on a busy machine they take ten times as much.
    await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...args, '-threads', '1', '-f', 'ivf', file]);
    const bytes = await readFile(file);
    const ticks = track.timescale * bytes.readUInt32LE(20);
    const rate = bytes.readUInt32LE(16);
    const units: Unit[] = [];
    for (let at = 32; at < bytes.length; ) {
      const size = bytes.readUInt32LE(at);
      const dts = Math.round((Number(bytes.readBigUInt64LE(at + 4)) * ticks) / rate);
      const data = new Uint8Array(bytes.subarray(at + 12, at + 12 + size));
      // RFC 6386 §9.1: the first bit of a key frame is 0.
      units.push({ track: track.id, dts, pts: dts, key: ((data[0] ?? 1) & 1) === 0, data });
      at += 12 + size;
    }
    return units;
  });
}

/** A file that players take, with the times as they are. */
function fileOf(track: Track, units: readonly Unit[]): Uint8Array {
  const init = writeInitSegment(track);
  if (!init) throw new Error(`${track.codec} has no place in a file`);
  const durations = units.map((unit, i) => (units[i + 1]?.dts ?? unit.dts + 1) - unit.dts);
  return concat(init, writeChunkHead({ sequence: 1, kind: track.kind, units, durations }), ...units.map((unit) => unit.data));
}

/** When the sound begins to be loud, seconds on the units' timeline; one entry for every silence before. */
export async function onsetsOf(track: Track, units: readonly Unit[]): Promise<number[]> {
  return inFolder(async (folder) => {
    const file = join(folder, 'sound.mp4');
    await writeFile(file, fileOf(track, units));
    // Nothing may be skipped at the beginning: times are compared.
    const args = ['-v', 'error', '-flags2', '+skip_manual', '-i', file, '-ac', '1', '-ar', String(RATE), '-f', 'f32le', '-'];
    const { stdout } = await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 512 * 1024 * 1024 });
    const samples = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
    const begin = (units[0]?.pts ?? 0) / track.timescale;
    const onsets: number[] = [];
    let quietSince = -RATE;
    // There are millions: an iterator would take ten times as long.
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i] ?? 0;
      if (sample < 0.1 && sample > -0.1) continue;
      if (i - quietSince > RATE / 4) onsets.push(begin + i / RATE);
      quietSince = i;
    }
    return onsets;
  });
}

export interface DecodedPictures {
  readonly pts: readonly number[];
  readonly types: string;
  readonly width: number;
  readonly height: number;
}

/** What ffprobe sees when it decodes the pictures; times in seconds. */
export async function picturesOf(track: Track, units: readonly Unit[]): Promise<DecodedPictures> {
  return inFolder(async (folder) => {
    const file = join(folder, 'pictures.mp4');
    await writeFile(file, fileOf(track, units));
    const { stdout, stderr } = await run('ffprobe', ['-v', 'error', '-show_entries', 'frame=pts_time,pict_type,width,height', '-of', 'csv=p=0', file], {
      maxBuffer: 64 * 1024 * 1024,
    });
    if (stderr !== '') throw new Error(stderr);
    const frames = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(','))
      // Lines of side data stand between.
      .filter((frame) => /^[IPB]$/.test(frame[3] ?? ''));
    const [first] = frames;
    return {
      pts: frames.map(([time]) => Number(time)),
      types: frames.map((frame) => frame[3]).join(''),
      width: Number(first?.[1]),
      height: Number(first?.[2]),
    };
  });
}

/** A listener that writes down what it hears and lets a test wait for it. */
export class Recorder implements BridgeListener {
  readonly tracks: Track[] = [];
  readonly units: Unit[] = [];
  pauses = 0;
  fails = 0;
  ended = false;
  readonly #waiting = new Set<() => void>();

  track(track: Track): void {
    this.tracks.push(track);
    this.#wake();
  }

  unit(unit: Unit): void {
    this.units.push(unit);
    this.#wake();
  }

  pause(): void {
    this.pauses++;
    this.#wake();
  }

  fail(): void {
    this.fails++;
    this.#wake();
  }

  end(): void {
    this.ended = true;
    this.#wake();
  }

  /** The time of the last unit, seconds. */
  get time(): number {
    return (this.units.at(-1)?.dts ?? 0) / (this.tracks.at(-1)?.timescale ?? 1);
  }

  get onlyTrack(): Track {
    const [track] = this.tracks;
    if (!track) throw new Error('no track came');
    return track;
  }

  /** Resolves when this holds; looked at with everything that is heard. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  #wake(): void {
    for (const call of this.#waiting) call();
    this.#waiting.clear();
  }
}

/** Opens a broadcast that these tracks are published to, or goes on with the one that runs. */
export function goLive(hub: Hub, streamId: string, tracks: readonly Track[]): { readonly stream: LiveStream; readonly publication: Publication } {
  const publication = hub.publish({
    streamId,
    start: 'auto',
    secondPublisher: 'takeover',
    publisher: { protocol: 'test', remoteAddress: '127.0.0.1', onEvicted: () => {} },
  });
  const stream = hub.get(streamId);
  if (!publication || !stream) throw new Error('the broadcast did not open');
  publication.tracks(tracks);
  return { stream, publication };
}

/** How far the publisher may be ahead of what comes out: less than waits in queues. */
const LEAD_SECONDS = 2;

/**
 * Publishes as fast as the bridge works, as though each unit came in its time.
 * @param from when the source's clock began, seconds since the broadcast did.
 */
export async function publish(to: { readonly stream: LiveStream; readonly publication: Publication }, units: readonly Unit[], heard: Recorder, from = 0): Promise<void> {
  const timescales = new Map(to.stream.currentTracks.map((track) => [track.id, track.timescale]));
  for (const unit of units) {
    const seconds = unit.dts / (timescales.get(unit.track) ?? 1);
    await heard.until(() => seconds - Math.max(0, heard.time - from) < LEAD_SECONDS);
    to.publication.unit(unit, to.stream.broadcast.createdAt + (from + seconds) * 1000);
  }
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bridge-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
