/** For tests of ladders: broadcasts packaged with their tiers by real workers, faster than the clock. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { concat } from '@millrace/media/big-endian';
import { readSamples } from '@millrace/media/isobmff/read';
import type { Track, VideoTrack } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type QuietLog, quietLog } from '../../lib/testing/quiet-log.ts';
import { BridgedSink } from '../../outputs/cmaf/bridged-sink.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from '../../outputs/cmaf/packager.ts';
import { PackagerRegistry } from '../../outputs/cmaf/registry.ts';
import type { Rendition } from '../../outputs/cmaf/rendition.ts';
import type { Segment } from '../../outputs/cmaf/segment.ts';
import { Hub } from '../../stream/hub.ts';
import type { LiveStream, Publication } from '../../stream/live-stream.ts';
import { Bridges } from '../bridges.ts';
import { X264 } from '../job.ts';
import type { LadderListener, LadderMode } from '../ladder.ts';
import type { TierSetting } from '../ladder-plan.ts';
import { type EncoderSource, Ladders } from '../ladders.ts';
import { WorkerPool } from '../pool.ts';
import { Recorder } from './media.ts';

const run = promisify(execFile);

export const SMALL_TIERS: readonly TierSetting[] = [
  { shorterSide: 180, bitsPerSecond: 800_000, preset: 'veryfast' },
  { shorterSide: 120, bitsPerSecond: 400_000, preset: 'veryfast' },
  { shorterSide: 90, bitsPerSecond: 200_000, preset: 'veryfast' },
];

export interface LadderStandOptions {
  readonly settings?: readonly TierSetting[];
  readonly clock?: Clock;
  readonly encoders?: EncoderSource;
}

const SOFTWARE_ALONE: EncoderSource = { encoder: X264, start: () => {}, close: () => {} };

export class LadderStand implements Disposable {
  readonly log: QuietLog = quietLog();
  readonly hub: Hub;
  readonly pool: WorkerPool;
  readonly ladders: Ladders;
  readonly registry: PackagerRegistry;
  /** What came of all tiers. */
  readonly heard = new Recorder();
  mode: LadderMode = 'always';
  /** How far the publisher may be ahead of the tiers: less than waits in queues. */
  leadSeconds = 1;
  readonly #bridges: Bridges;
  #ids = 0;

  constructor({ settings = SMALL_TIERS, clock = systemClock, encoders = SOFTWARE_ALONE }: LadderStandOptions = {}) {
    const { log } = this;
    this.pool = new WorkerPool({ clock, log, maxWorkers: 2 });
    this.registry = new PackagerRegistry({ clock });
    this.#bridges = new Bridges({ pool: this.pool, clock, log });
    this.ladders = new Ladders({ pool: this.pool, clock, log, settings, encoders, modeOf: () => this.mode });
    const ladders = { open: (stream: LiveStream, listener: LadderListener) => this.ladders.open(stream, this.#overheard(listener)) };
    const newEpoch = (): string => `epoch${String(this.#ids++).padStart(16, '0')}`;
    this.hub = new Hub({
      clock,
      reconnectGraceMs: 60_000,
      newId: newEpoch,
      listener: { broadcastChanged: () => {} },
      makeSinks: (stream) => {
        const { createdAt } = stream.broadcast;
        const makePackager = (epoch: string) => new Packager({ broadcast: { epoch, createdAt }, clock, config: DEFAULT_PACKAGER_CONFIG });
        return [new BridgedSink({ stream, bridges: this.#bridges, ladders, registry: this.registry, clock, makePackager, newEpoch })];
      },
    });
  }

  /** Opens the broadcast, or goes on with it. */
  publish(tracks: readonly Track[]): { readonly stream: LiveStream; readonly publication: Publication } {
    const publication = this.hub.publish({
      streamId: 'stream',
      start: 'auto',
      secondPublisher: 'takeover',
      publisher: { protocol: 'test', remoteAddress: '127.0.0.1', onEvicted: () => {} },
    });
    const stream = this.hub.get('stream');
    if (!publication || !stream) throw new Error('the broadcast did not open');
    publication.tracks(tracks);
    return { stream, publication };
  }

  /**
   * Sends everything as fast as the tiers are made, as though each unit came in its time.
   * @param from when the source's clock began, seconds since the broadcast did.
   */
  async send(to: ReturnType<LadderStand['publish']>, units: readonly Unit[], from = 0): Promise<void> {
    const timescales = new Map(to.stream.currentTracks.map((track) => [track.id, track.timescale]));
    for (const unit of units) {
      const seconds = from + unit.dts / (timescales.get(unit.track) ?? 1);
      await this.heard.until(() => seconds - Math.max(from, this.heard.time) < this.leadSeconds);
      to.publication.unit(unit, to.stream.broadcast.createdAt + seconds * 1000);
    }
  }

  get packager(): Packager {
    const packager = this.registry.get('stream');
    if (!packager) throw new Error('nothing is packaged');
    return packager;
  }

  rendition(name: string): Rendition {
    const rendition = this.packager.rendition(name);
    if (!rendition) throw new Error(`there is no rendition ${name}`);
    return rendition;
  }

  [Symbol.dispose](): void {
    this.#bridges.close();
    this.ladders.close();
    this.pool.close();
  }

  #overheard(listener: LadderListener): LadderListener {
    return {
      begin: (tier, track) => {
        listener.begin(tier, track);
        this.heard.track(track);
      },
      unit: (unit) => {
        listener.unit(unit);
        this.heard.unit(unit);
      },
      rest: (tiers, offered) => {
        listener.rest(tiers, offered);
        this.heard.pause();
      },
    };
  }
}

/** What a player finds in a segment; times in seconds on the broadcast's timeline. */
export interface SegmentContent {
  readonly msn: number;
  readonly start: number;
  readonly seconds: number;
  /** Presentation times. */
  readonly keys: readonly number[];
  readonly beginsWithKey: boolean;
  readonly pictures: number;
}

/** Of the segments that are complete and hold something. */
export function contentsOf(rendition: Rendition): SegmentContent[] {
  return rendition.segments.filter(({ complete, gap }) => complete && !gap).map((segment) => contentOf(rendition, segment));
}

function contentOf(rendition: Rendition, segment: Segment): SegmentContent {
  const { timescale } = segment;
  const samples = readSamples(concat(initOf(rendition, segment), ...segment.bodies));
  const keys = samples.filter(({ key }) => key).map(({ pts }) => round(pts / timescale));
  return {
    msn: segment.msn,
    start: round((segment.startTicks ?? 0) / timescale),
    seconds: round(segment.seconds),
    keys,
    beginsWithKey: samples[0]?.key === true,
    pictures: samples.length,
  };
}

/** The file that a run of segments makes. */
export function fileOf(rendition: Rendition, segments: readonly Segment[]): Uint8Array {
  const [first] = segments;
  return first ? concat(initOf(rendition, first), ...segments.flatMap(({ bodies }) => bodies)) : new Uint8Array();
}

function initOf(rendition: Rendition, { mapUri }: Segment): Uint8Array {
  const init = rendition.findInit(Number(/-init-(\d+)\.mp4$/.exec(mapUri)?.[1] ?? -1));
  if (!init) throw new Error(`there is no ${mapUri}`);
  return init;
}

export interface ProbedPicture {
  readonly width: number;
  readonly height: number;
  /** How much wider than high they are. */
  readonly pixels: number;
  readonly format: string;
  readonly profile: string;
  readonly frames: number;
  readonly interlaced: boolean;
}

/** What ffprobe sees of a file, and decodes of it. */
export async function probe(file: Uint8Array): Promise<ProbedPicture> {
  return inFolder(async (folder) => {
    const path = join(folder, 'tier.mp4');
    await writeFile(path, file);
    const entries = 'stream=width,height,pix_fmt,profile,nb_read_frames,field_order,sample_aspect_ratio';
    const { stdout, stderr } = await run('ffprobe', ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', path]);
    if (stderr !== '') throw new Error(stderr);
    const {
      streams,
    }: { streams: { width: number; height: number; pix_fmt: string; profile: string; nb_read_frames: string; field_order?: string; sample_aspect_ratio?: string }[] } =
      JSON.parse(stdout);
    const [stream] = streams;
    if (!stream) throw new Error('nothing is in the file');
    const { width, height, pix_fmt: format, profile } = stream;
    const [across = 1, down = 1] = (stream.sample_aspect_ratio ?? '1:1').split(':').map(Number);
    return {
      width,
      height,
      pixels: across / down,
      format,
      profile,
      frames: Number(stream.nb_read_frames),
      interlaced: !['progressive', undefined, 'unknown'].includes(stream.field_order),
    };
  });
}

/** How near a tier is to the source scaled to its size, decibels of all planes together. */
export async function psnr(source: Uint8Array, tier: Uint8Array, { width, height }: VideoTrack): Promise<number> {
  return inFolder(async (folder) => {
    const [from, to] = [join(folder, 'source.mp4'), join(folder, 'tier.mp4')];
    await Promise.all([writeFile(from, source), writeFile(to, tier)]);
    const filter = `[0:v]scale=${width}:${height}:flags=bicubic,setpts=PTS-STARTPTS[a];[1:v]setpts=PTS-STARTPTS[b];[a][b]psnr`;
    const { stderr } = await run('ffmpeg', ['-hide_banner', '-i', from, '-i', to, '-lavfi', filter, '-f', 'null', '-']);
    return Number(/average:([\d.]+)/.exec(stderr)?.[1]);
  });
}

function round(seconds: number): number {
  return Math.round(seconds * 10_000) / 10_000;
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-ladder-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
