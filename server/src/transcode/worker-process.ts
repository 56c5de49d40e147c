/** One worker process as the server sees it: started, fed, listened to, and killed when it hangs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Slabs } from '@millrace/media/slabs';
import { CHILD_ENVIRONMENT } from '../lib/child-environment.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { JobSpec, VideoFormat } from './job.ts';
import { type FromWorker, MessageReader, parseFromWorker, type ToWorker, type WireUnit, writeMessage } from './wire.ts';

const PROGRAM = fileURLToPath(new URL('./worker/main.ts', import.meta.url));

/** A worker answers between two units; the slowest takes no second. */
const PING_MS = 2_000;
const MAX_UNANSWERED_PINGS = 5;

/** Given to a worker and not yet worked off, for each job: more would only come out late. */
const MAX_UNDONE_UNITS = 120;
const MAX_UNDONE_BYTES = 4 * 1024 * 1024;

/** Of what a worker complained about, for the log. */
const MAX_COMPLAINT = 2_000;

/** What video costs in comparison with sound, of which one core carries fifty. Of single pictures there is one in some seconds. */
const WEIGHTS = { audio: 2, video: 60, ladder: 100, picture: 1 } as const;

/** The worker is gone (`crashed`, `hung`), or it cannot do this (`failed`). */
export type JobLoss = 'crashed' | 'hung' | 'failed';

export interface JobListener {
  /** What pictures come out as; before the first, and when it changes. Of a job with several outputs, with the number of one. */
  format(format: VideoFormat, output: number): void;
  unit(unit: WireUnit, output: number): void;
  /** Nothing more comes. */
  lost(why: JobLoss, detail: string): void;
}

export interface WorkerProcessDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** It serves one job alone, which is suspected of having brought others down. */
  readonly exclusive: boolean;
  readonly counters: WorkerCounters;
  onGone(worker: WorkerProcess): void;
  /** It has given up a job: it may have nothing to do now. */
  onJobFailed(): void;
}

/** Sums over all workers there ever were. */
export interface WorkerCounters {
  unitsIn: number;
  unitsOut: number;
  crashes: number;
  hangs: number;
  failedJobs: number;
  cpuMicros: number;
}

export class WorkerProcess {
  readonly exclusive: boolean;
  readonly #deps: WorkerProcessDeps;
  readonly #jobs = new Map<number, Job>();
  readonly #reader = new MessageReader();
  readonly #memory = new Slabs();
  readonly #child: ChildProcess;
  readonly #socket: Duplex | undefined;
  readonly #pinger: Timer;
  #nextJob = 1;
  #unansweredPings = 0;
  #cpuMicros = 0;
  #complaint = '';
  #gone = false;

  constructor(deps: WorkerProcessDeps) {
    this.#deps = deps;
    this.exclusive = deps.exclusive;
    const args = ['--max-old-space-size=128', '--max-semi-space-size=2', '--disable-warning=ExperimentalWarning', PROGRAM];
    this.#child = spawn(process.execPath, args, { env: CHILD_ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    this.#child.on('error', (error) => this.#end('crashed', error.message));
    this.#child.on('exit', (code, signal) => this.#end('crashed', `exit ${code ?? signal ?? 'unknown'}`));
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaint = (this.#complaint + text.toString()).slice(-MAX_COMPLAINT);
    });
    const socket = this.#child.stdio[3];
    if (socket instanceof Duplex) {
      this.#socket = socket;
      socket.on('data', (chunk: Buffer) => this.#read(chunk));
      // What broke it is told by the exit.
      socket.on('error', () => {});
    }
    this.#pinger = deps.clock.every(PING_MS, () => this.#ping());
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** A hundred is what one core carries. */
  get load(): number {
    let load = 0;
    for (const job of this.#jobs.values()) load += job.weight;
    return load;
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  open(spec: JobSpec, listener: JobListener): Job {
    const id = this.#nextJob++;
    const job = new Job({
      weight: weightOf(spec),
      listener,
      send: (message) => this.#send({ ...message, job: id }),
      onClosed: () => {
        if (!this.#jobs.delete(id)) return;
        this.#send({ type: 'close', job: id });
      },
    });
    this.#jobs.set(id, job);
    this.#send({ type: 'open', job: id, spec });
    return job;
  }

  /** Kills the process. Its jobs are not told. */
  close(): void {
    for (const job of this.#jobs.values()) job.close();
    this.#end('crashed', 'closed');
  }

  #send(message: ToWorker): void {
    if (this.#gone) return;
    if (message.type === 'unit') this.#deps.counters.unitsIn++;
    this.#socket?.write(writeMessage(message));
  }

  #read(chunk: Uint8Array): void {
    if (this.#gone) return;
    try {
      for (const message of this.#reader.push(chunk)) this.#hear(parseFromWorker(message, this.#memory));
    } catch (error) {
      this.#end('crashed', error instanceof Error ? error.message : String(error));
    }
  }

  #hear(message: FromWorker): void {
    this.#unansweredPings = 0;
    const { counters } = this.#deps;
    if (message.type === 'pong') {
      counters.cpuMicros += Math.max(0, message.cpuMicros - this.#cpuMicros);
      this.#cpuMicros = Math.max(this.#cpuMicros, message.cpuMicros);
      return;
    }
    const job = this.#jobs.get(message.job);
    if (!job) return;
    switch (message.type) {
      case 'format':
        job.listener.format(message.format, message.output);
        break;
      case 'unit':
        counters.unitsOut++;
        job.listener.unit(message.unit, message.output);
        break;
      case 'done':
        job.workedOff(message);
        break;
      case 'failed':
        counters.failedJobs++;
        this.#jobs.delete(message.job);
        job.lose('failed', message.why);
        this.#deps.onJobFailed();
    }
  }

  #ping(): void {
    if (this.#unansweredPings >= MAX_UNANSWERED_PINGS) {
      this.#end('hung', `no answer to ${MAX_UNANSWERED_PINGS} pings`);
      return;
    }
    this.#unansweredPings++;
    this.#send({ type: 'ping', job: 0 });
  }

  #end(why: 'crashed' | 'hung', detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#pinger.cancel();
    this.#socket?.destroy();
    this.#child.kill('SIGKILL');
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    const { counters, log } = this.#deps;
    if (detail !== 'closed') {
      if (why === 'hung') counters.hangs++;
      else counters.crashes++;
      log.warn({ why, detail, jobs: jobs.length, complaint: this.#complaint }, 'an FFmpeg worker is gone');
    }
    this.#deps.onGone(this);
    for (const job of jobs) job.lose(why, detail);
  }
}

/** What a job needs of the rest of its message, whose number the worker adds. */
type JobMessage = { readonly type: 'unit'; readonly unit: WireUnit } | { readonly type: 'setOutputs'; readonly wanted: readonly boolean[] } | { readonly type: 'requestKeyFrame' };

interface JobDeps {
  readonly weight: number;
  readonly listener: JobListener;
  send(message: JobMessage): void;
  onClosed(): void;
}

/** A job on one worker, until either of them is gone. */
export class Job {
  readonly weight: number;
  readonly listener: JobListener;
  readonly #deps: JobDeps;
  /** The units that are not yet worked off. */
  readonly #undone: { readonly bytes: number; readonly dts: number }[] = [];
  #undoneBytes = 0;
  #cpuMicros = 0;
  #closed = false;
  #onWritable: (() => void) | undefined;

  constructor(deps: JobDeps) {
    this.#deps = deps;
    this.weight = deps.weight;
    this.listener = deps.listener;
  }

  /** Whether the worker can take another unit. */
  get hasRoom(): boolean {
    return this.#undone.length < MAX_UNDONE_UNITS && this.#undoneBytes < MAX_UNDONE_BYTES;
  }

  /** From the oldest to the newest of what is not yet worked off, in the timescale of the input. */
  get undoneTicks(): number {
    const [oldest] = this.#undone;
    return oldest ? (this.#undone.at(-1) ?? oldest).dts - oldest.dts : 0;
  }

  /** CPU time that its units took so far. */
  get cpuMicros(): number {
    return this.#cpuMicros;
  }

  /** Resolves when the worker can take another unit, or nothing more can be given. */
  async writable(): Promise<void> {
    while (!this.#closed && !this.hasRoom) {
      await new Promise<void>((resolve) => {
        this.#onWritable = resolve;
      });
    }
  }

  send(unit: WireUnit): void {
    if (this.#closed) return;
    this.#undone.push({ bytes: unit.data.length, dts: unit.dts });
    this.#undoneBytes += unit.data.length;
    this.#deps.send({ type: 'unit', unit });
  }

  requestKeyFrame(): void {
    if (!this.#closed) this.#deps.send({ type: 'requestKeyFrame' });
  }

  /** Of a job with several outputs: which of them are wanted from now on. */
  setOutputs(wanted: readonly boolean[]): void {
    if (!this.#closed) this.#deps.send({ type: 'setOutputs', wanted });
  }

  close(): void {
    if (this.#closed) return;
    this.#close();
    this.#deps.onClosed();
  }

  /** Called by its worker. */
  workedOff({ units, cpuMicros }: { readonly units: number; readonly cpuMicros: number }): void {
    for (const { bytes } of this.#undone.splice(0, units)) this.#undoneBytes -= bytes;
    this.#cpuMicros += cpuMicros;
    this.#onWritable?.();
  }

  /** Called by its worker. */
  lose(why: JobLoss, detail: string): void {
    if (this.#closed) return;
    this.#close();
    this.listener.lost(why, detail);
  }

  #close(): void {
    this.#closed = true;
    this.#onWritable?.();
  }
}

/** The share of a core that a job is expected to need, in hundredths. */
export function weightOf(spec: JobSpec): number {
  return WEIGHTS[spec.kind];
}
