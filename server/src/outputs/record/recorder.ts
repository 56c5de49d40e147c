/**
 * Keeps broadcasts on disk: for players that go back, and for good where the owner wants that. Looks at every packager once in a while and
 * writes what is new; packagers know nothing of it, and what a slow disk cannot take waits in their windows.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { errorCodeOf } from '../../lib/start-error.ts';
import type { Broadcast } from '../../stream/broadcast.ts';
import type { Packager } from '../cmaf/packager.ts';
import type { Storyboard } from '../thumbnail/storyboard.ts';
import { Archive } from './archive.ts';

/** Why a recording is not all of its broadcast. */
export type RecordingProblem = 'disk_full' | 'quota_reached' | 'write_failed';

export interface ArchivePlan {
  /** To be kept, under this id. */
  readonly recording: { readonly id: string; readonly maxBytes: number } | undefined;
  /** How far back players may go; infinity: to the beginning; 0: not at all. */
  readonly rewindSeconds: number;
}

export interface ArchivePolicy {
  /** What is to be kept of a broadcast whose media has begun. */
  plan(broadcast: Broadcast, disk: { readonly isLow: boolean }): Promise<ArchivePlan>;
}

export interface RecordingOutcome {
  readonly id: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly problem: RecordingProblem | null;
}

export interface ArchiveListener {
  /** Everything there is of it is on disk and can be played. Must not throw. */
  recordingEnded(outcome: RecordingOutcome): void;
  /** There is a file of it to which nothing is added any more. Must not throw. */
  recordingGrew(id: string): void;
  /** It was not to be kept, and is gone. */
  recordingDropped(id: string): void;
}

export interface RecorderDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The folder of all archives. */
  readonly folder: string;
  /** Below so much free space nothing is recorded. */
  readonly minFreeBytes: number;
  readonly policy: ArchivePolicy;
  readonly listener: ArchiveListener;
  /** Gives back what lies elsewhere as well, some at a time, and may take long. False: there is nothing of the kind. */
  makeRoom?(): Promise<boolean>;
  /** Keeps the packager of a stream from falling asleep. */
  use(streamId: string): void;
}

/** With what a packager holds back, some 1.3 s may be lost when the machine loses its power. */
const ROUND_MS = 1_000;

/**
 * What nobody keeps need not outlast a crash, and players have it from memory for half a minute: it is written in large pieces, which cost a
 * tenth.
 */
const REWIND_ROUNDS = 8;

/** Archives written at once: the threads of the runtime serve others too. */
const AT_ONCE = 2;

/** How often free space is looked at, in rounds. */
const SPACE_ROUNDS = 3;

/** A plan that cannot be had is asked for again in each round; memory holds what comes for so long. */
const MAX_PLAN_TRIES = 20;

/** Players of an ended broadcast may go back for as long as it can be played. */
const LINGER_MS = 60_000;

/** What the recorder sees of a live stream. */
interface RecordedStream {
  readonly broadcast: Broadcast;
  /** Undefined while nobody sends. */
  readonly publisher: object | undefined;
}

interface Entry {
  readonly stream: RecordedStream;
  readonly packager: Packager;
  readonly storyboard: Storyboard | undefined;
  plan: ArchivePlan | undefined;
  /** While it is asked for. */
  planning: Promise<ArchivePlan | undefined> | undefined;
  tries: number;
  archive: Archive | undefined;
  /** Rounds of the timer since it was written. */
  waited: number;
  /** Nothing more is written; the archive can be read. */
  isStopped: boolean;
  isDiscarded: boolean;
}

export class Recorder {
  readonly counters = { bytes: 0, lostSegments: 0, stopped: 0, failures: 0 };
  readonly #deps: RecorderDeps;
  readonly #entries = new Set<Entry>();
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #rounds = 0;
  #freeBytes: number | undefined;
  #isLow = false;
  /** Being asked for. */
  #room: Promise<void> | undefined;
  /** Something lies elsewhere as well, and is given up before what viewers could go back to. */
  #mayGetRoom = false;
  /** Space is missing, and there was nothing to be given up for it. */
  #hasNothingLeft = false;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** Recordings that are being written. */
  get recording(): number {
    return [...this.#entries].filter((entry) => entry.plan?.recording && !entry.isStopped).length;
  }

  /** Undefined until it was looked at. */
  get freeBytes(): number | undefined {
    return this.#freeBytes;
  }

  get isLow(): boolean {
    return this.#isLow;
  }

  recordingFolder(id: string): string {
    return join(this.#deps.folder, 'recordings', id);
  }

  /** What players could go back to in broadcasts of a server that is no more is of no use. */
  async start(): Promise<void> {
    await rm(this.#rewindRoot, { recursive: true, force: true });
    await mkdir(join(this.#deps.folder, 'recordings'), { recursive: true });
    await this.#lookAtSpace();
    this.#timer = this.#deps.clock.every(ROUND_MS, () => void this.#begin((entry) => this.#isDue(entry)));
  }

  /** Ended broadcasts are written to their end. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#round;
    await this.round();
    await Promise.all([...this.#entries].map((entry) => entry.archive?.close()));
    await rm(this.#rewindRoot, { recursive: true, force: true });
  }

  /** Takes every packager of a stream as it is made. A preview is not kept. */
  follow(stream: RecordedStream, packager: Packager, storyboard?: Storyboard): Packager {
    if (stream.broadcast.startedAt === null) storyboard?.discard();
    else
      this.#entries.add({
        ...{ stream, packager, storyboard, plan: undefined, planning: undefined, tries: 0 },
        ...{ archive: undefined, waited: 0, isStopped: false, isDiscarded: false },
      });
    return packager;
  }

  /** What is recorded of this stream now is not to be kept. Resolves when nothing of it is planned any more but what is written down. */
  async discard(streamId: string): Promise<void> {
    const discarded = [...this.#entries].filter(({ stream, packager }) => stream.broadcast.streamId === streamId && !packager.ended);
    for (const entry of discarded) entry.isDiscarded = true;
    await Promise.all(discarded.map(({ planning }) => planning));
  }

  /** Writes whatever is new. */
  round(): Promise<void> {
    return this.#begin(() => true);
  }

  /** One at a time: a disk that is slow makes rounds rare. */
  #begin(isDue: (entry: Entry) => boolean): Promise<void> {
    this.#round ??= this.#runRound(isDue).finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  #isDue(entry: Entry): boolean {
    const { plan, packager } = entry;
    return ++entry.waited >= REWIND_ROUNDS || packager.ended || !plan || plan.recording !== undefined;
  }

  get #rewindRoot(): string {
    return join(this.#deps.folder, 'rewind');
  }

  async #runRound(isDue: (entry: Entry) => boolean): Promise<void> {
    if (this.#rounds++ % SPACE_ROUNDS === 0) await this.#lookAtSpace();
    const queue = [...this.#entries].filter(isDue).values();
    const work = async (): Promise<void> => {
      for (const entry of queue) await this.#step(entry);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #step(entry: Entry): Promise<void> {
    const { packager, stream } = entry;
    const { streamId } = stream.broadcast;
    if (entry.isStopped) return;
    entry.waited = 0;
    if (entry.plan?.recording) this.#deps.use(streamId);
    // Read first: what comes after this belongs to the next round.
    const { ended } = packager;
    if (!entry.plan && !packager.leading && (ended || !stream.publisher)) {
      // A broadcast that waits for its publisher after a restart may have no more to come.
      if (ended) this.#entries.delete(entry);
      return;
    }
    if (!entry.plan) {
      entry.planning = this.#plan(entry);
      entry.plan = await entry.planning;
      entry.planning = undefined;
    }
    if (!entry.plan) return;
    try {
      await this.#write(entry, entry.plan);
    } catch (error) {
      const problem = isFull(error) ? 'disk_full' : 'write_failed';
      this.counters.failures++;
      this.#deps.log.error({ err: error, streamId }, 'a broadcast cannot be written to disk');
      await this.#stop(entry, entry.plan, problem);
      return;
    }
    if (ended) await this.#stop(entry, entry.plan, null);
  }

  async #plan(entry: Entry): Promise<ArchivePlan | undefined> {
    const { policy, log } = this.#deps;
    if (entry.isDiscarded) return { recording: undefined, rewindSeconds: 0 };
    try {
      return await policy.plan(entry.stream.broadcast, { isLow: this.#isLow && !this.#mayGetRoom });
    } catch (error) {
      entry.tries++;
      if (entry.tries < MAX_PLAN_TRIES && !entry.packager.ended) return undefined;
      log.error({ err: error, streamId: entry.stream.broadcast.streamId }, 'it could not be learnt whether a broadcast is to be recorded: it is not');
      this.#entries.delete(entry);
      return undefined;
    }
  }

  async #write(entry: Entry, plan: ArchivePlan): Promise<void> {
    const { packager, stream, storyboard } = entry;
    const { recording, rewindSeconds } = plan;
    if (!recording && rewindSeconds === 0) {
      entry.storyboard?.discard();
      this.#entries.delete(entry);
      return;
    }
    if (!entry.archive) {
      const folder = recording ? this.recordingFolder(recording.id) : join(this.#rewindRoot, packager.epoch);
      const counters = { bytes: 0, lostSegments: 0 };
      entry.archive = new Archive({ folder, streamId: stream.broadcast.streamId, packager, storyboard, isKept: recording !== undefined, rewindSeconds, counters });
      if (rewindSeconds > 0) packager.past = entry.archive;
    }
    const { archive } = entry;
    const before = { ...archive.counters };
    const { closedFiles } = archive;
    try {
      await archive.write();
    } finally {
      this.counters.bytes += archive.counters.bytes - before.bytes;
      this.counters.lostSegments += archive.counters.lostSegments - before.lostSegments;
    }
    if (recording && !entry.isDiscarded) {
      if (archive.closedFiles > closedFiles) this.#deps.listener.recordingGrew(recording.id);
      if (archive.bytes >= recording.maxBytes) await this.#stop(entry, plan, 'quota_reached');
      else if (this.#hasNothingLeft) await this.#stop(entry, plan, 'disk_full');
    }
  }

  /** Nothing more is written of it. */
  async #stop(entry: Entry, { recording }: ArchivePlan, problem: RecordingProblem | null): Promise<void> {
    if (entry.isStopped) return;
    entry.isStopped = true;
    const { archive, packager } = entry;
    const { clock, log, listener } = this.#deps;
    await archive?.close();
    if (problem !== null) entry.storyboard?.discard();
    const forget = (): void => {
      if (packager.past === archive) packager.past = undefined;
      this.#entries.delete(entry);
    };
    if (recording && archive && archive.bytes > 0 && !entry.isDiscarded) {
      const outcome = { id: recording.id, seconds: archive.seconds, bytes: archive.bytes, problem };
      if (problem === null) log.info({ recordingId: recording.id, seconds: Math.round(outcome.seconds), bytes: outcome.bytes }, 'recording ready');
      else {
        this.counters.stopped++;
        log.error({ recordingId: recording.id, problem, freeBytes: this.#freeBytes }, 'a recording was stopped, its broadcast goes on');
      }
      listener.recordingEnded(outcome);
      // It is on disk, so players may go on in it while the packager is remembered.
      clock.after(LINGER_MS, forget);
      return;
    }
    if (recording) {
      forget();
      await archive?.remove().catch((error: unknown) => log.error({ err: error, recordingId: recording.id }, 'a recording that is not to be kept cannot be deleted'));
      listener.recordingDropped(recording.id);
      return;
    }
    clock.after(LINGER_MS, () => {
      forget();
      void archive?.remove().catch((error: unknown) => log.warn({ err: error }, 'what players could go back to cannot be deleted'));
    });
  }

  async #lookAtSpace(): Promise<void> {
    const { folder, minFreeBytes, log } = this.#deps;
    try {
      const { bavail, bsize } = await statfs(folder);
      this.#freeBytes = bavail * bsize;
    } catch (error) {
      log.warn({ err: error }, 'free space cannot be measured');
      return;
    }
    const wasLow = this.#isLow;
    this.#isLow = this.#freeBytes < minFreeBytes;
    if (this.#isLow && !wasLow)
      log.error({ freeBytes: this.#freeBytes, minFreeBytes }, 'the disk is nearly full: what players can go back to is given up first, then recordings stop');
    if (!this.#isLow && wasLow) log.info({ freeBytes: this.#freeBytes }, 'the disk has room again');
    this.#askForRoom(wasLow);
    this.#hasNothingLeft = this.#isLow && !this.#mayGetRoom && this.#expendable().length === 0;
    if (this.#isLow && !this.#mayGetRoom) await this.#shrink();
  }

  /** Asks behind the back of the rounds: whoever answers looks first whether the other copy is there. */
  #askForRoom(wasLow: boolean): void {
    const { makeRoom } = this.#deps;
    if (!this.#isLow || !makeRoom) {
      this.#mayGetRoom = false;
      return;
    }
    if (!wasLow) this.#mayGetRoom = true;
    this.#room ??= makeRoom()
      .then((isMade) => {
        this.#mayGetRoom = isMade;
      })
      .finally(() => {
        this.#room = undefined;
      });
  }

  /** What is expendable goes first: half of what the largest has, then all. */
  async #shrink(): Promise<void> {
    const [largest] = this.#expendable().sort((a, b) => b.archive.bytes - a.archive.bytes);
    if (!largest) return;
    try {
      if (await largest.archive.shrink()) return;
      largest.entry.isStopped = true;
      largest.entry.packager.past = undefined;
      largest.entry.storyboard?.discard();
      this.#entries.delete(largest.entry);
      await largest.archive.remove();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'space cannot be given back');
    }
  }

  /** Archives that nobody asked to be kept. */
  #expendable(): { readonly entry: Entry; readonly archive: Archive }[] {
    return [...this.#entries].flatMap((entry) => (entry.archive && !entry.plan?.recording ? [{ entry, archive: entry.archive }] : []));
  }
}

function isFull(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}
