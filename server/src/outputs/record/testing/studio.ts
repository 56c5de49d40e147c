/** For tests: broadcasts with sound and picture that are packaged and recorded into a folder of their own, on a clock that is told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { FakeClock } from '../../../lib/clock.ts';
import { DiskFiles, DiskReader } from '../../../lib/stored-files.ts';
import { quietLog } from '../../../lib/testing/quiet-log.ts';
import type { Broadcast } from '../../../stream/broadcast.ts';
import { AUDIO, picture, sound, VIDEO } from '../../../stream/testing/source.ts';
import type { StoredMedia } from '../../cmaf/listed-segment.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from '../../cmaf/packager.ts';
import { type ArchivePlan, Recorder, type RecordingOutcome } from '../recorder.ts';

const RATE = 25;

export interface StudioOptions {
  readonly plan?: ArchivePlan;
  /** Called for every plan, which waits for it. */
  readonly planned?: () => Promise<void>;
  /** Where archives go; else a folder that goes with the studio. */
  readonly folder?: string;
  readonly minFreeBytes?: number;
  readonly makeRoom?: () => Promise<boolean>;
}

export const RECORDED: ArchivePlan = { recording: { id: 'recording-one', maxBytes: Number.POSITIVE_INFINITY }, rewindSeconds: 0 };

/** One broadcast with a key frame a second. */
export class TestBroadcast {
  readonly packager: Packager;
  readonly #clock: FakeClock;
  #at = 0;
  #soundAt = 0;

  constructor(packager: Packager, clock: FakeClock) {
    this.packager = packager;
    this.#clock = clock;
    packager.tracks([VIDEO, AUDIO]);
  }

  /** What is written of it is asked for by `round`. */
  send(seconds: number, bytesPerFrame = 100): void {
    for (let frame = 0; frame < Math.round(seconds * RATE); frame++) {
      const data = Buffer.alloc(bytesPerFrame, Math.round(this.#at * RATE) & 0xff);
      this.packager.unit({ ...picture(this.#at, Math.round(this.#at * RATE) % RATE === 0), data });
      for (; this.#soundAt <= this.#at; this.#soundAt += 1024 / 48_000) this.packager.unit(sound(this.#soundAt));
      this.#at += 1 / RATE;
      this.#clock.advance(1000 / RATE);
    }
  }

  /** The publisher leaves, and is back some seconds later with the same formats. */
  interrupt(seconds: number): void {
    this.packager.pause();
    this.#clock.advance(seconds * 1000);
    this.#at = Math.ceil(this.#at + seconds);
    this.#soundAt = this.#at;
    this.packager.tracks([VIDEO, AUDIO]);
  }
}

export class RecordingStudio {
  readonly clock = new FakeClock();
  readonly recorder: Recorder;
  readonly ended: RecordingOutcome[] = [];
  readonly grown: string[] = [];
  readonly dropped: string[] = [];
  readonly folder: string;
  readonly first: TestBroadcast;
  readonly #plans = new Map<string, ArchivePlan>();
  readonly #broadcasts: TestBroadcast[] = [];
  readonly #ownFolder: string | undefined;

  constructor({ plan = RECORDED, planned, folder, minFreeBytes = 0, makeRoom }: StudioOptions = {}) {
    this.#ownFolder = folder === undefined ? mkdtempSync(join(tmpdir(), 'millrace-record-')) : undefined;
    this.folder = folder ?? this.#ownFolder ?? '';
    this.recorder = new Recorder({
      clock: this.clock,
      log: quietLog(),
      folder: this.folder,
      minFreeBytes,
      policy: {
        plan: async ({ epoch }) => {
          await planned?.();
          const found = this.#plans.get(epoch);
          if (!found) throw new Error(`nothing is planned for ${epoch}`);
          return found;
        },
      },
      listener: { recordingEnded: (outcome) => this.ended.push(outcome), recordingGrew: (id) => this.grown.push(id), recordingDropped: (id) => this.dropped.push(id) },
      use: () => {},
      ...(makeRoom ? { makeRoom } : {}),
    });
    this.first = this.open(plan);
  }

  get packager(): Packager {
    return this.first.packager;
  }

  /** Of `RECORDED`. */
  get files(): DiskFiles {
    return new DiskFiles(this.recorder.recordingFolder('recording-one'));
  }

  /** Media of the recording that was read, or of what is being written. */
  async read(media: StoredMedia | undefined): Promise<Uint8Array> {
    if (!media) throw new Error('there is no such media');
    const reader = isAbsolute(media.path) ? new DiskReader() : this.files.reader();
    try {
      return await reader.read(media.path, media.offset, media.bytes);
    } finally {
      await reader.close();
    }
  }

  open(plan: ArchivePlan): TestBroadcast {
    const { clock } = this;
    const epoch = `epoch${this.#broadcasts.length}`;
    this.#plans.set(epoch, plan);
    const broadcast: Broadcast = { streamId: `stream-${epoch}`, broadcastId: 'broadcast', epoch, createdAt: clock.now(), startedAt: clock.now(), state: 'live' };
    const packager = this.recorder.follow({ broadcast, publisher: {} }, new Packager({ broadcast, clock, config: DEFAULT_PACKAGER_CONFIG }));
    const made = new TestBroadcast(packager, clock);
    this.#broadcasts.push(made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { packager } of this.#broadcasts) packager.end();
    await this.recorder.close();
    if (this.#ownFolder !== undefined) rmSync(this.#ownFolder, { recursive: true });
  }
}
