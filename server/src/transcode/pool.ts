/** The FFmpeg workers: started when there is work, filled before the next is started, stopped when there is none. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { JobSpec } from './job.ts';
import { type Job, type JobListener, type WorkerCounters, WorkerProcess, weightOf } from './worker-process.ts';

/** A worker without work stays so long: it takes most of a second to start one. */
const IDLE_MS = 30_000;

/** What one core carries. */
const FULL = 100;

export interface WorkerPoolDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Processes at once, but for those that serve a suspected job alone, of which there may be as many again. */
  readonly maxWorkers: number;
}

export interface OpenRequest {
  readonly spec: JobSpec;
  readonly listener: JobListener;
  /** Whether this job is suspected of bringing workers down: it gets one for itself. */
  readonly alone: boolean;
}

export class WorkerPool {
  readonly counters: WorkerCounters & { started: number } = { unitsIn: 0, unitsOut: 0, crashes: 0, hangs: 0, failedJobs: 0, cpuMicros: 0, started: 0 };
  readonly #deps: WorkerPoolDeps;
  readonly #workers = new Set<WorkerProcess>();
  readonly #idleTimers = new Map<WorkerProcess, Timer>();

  constructor(deps: WorkerPoolDeps) {
    this.#deps = deps;
  }

  /** The workers that run. */
  get workers(): readonly WorkerProcess[] {
    return [...this.#workers];
  }

  get jobs(): number {
    let jobs = 0;
    for (const worker of this.#workers) jobs += worker.jobs;
    return jobs;
  }

  open({ spec, listener, alone }: OpenRequest): Job {
    const worker = this.#place(weightOf(spec), alone);
    this.#idleTimers.get(worker)?.cancel();
    this.#idleTimers.delete(worker);
    return worker.open(spec, listener);
  }

  /** To be called when a job was closed: a worker may now have nothing to do. */
  settle(): void {
    for (const worker of this.#workers) {
      if (worker.jobs > 0 || this.#idleTimers.has(worker)) continue;
      this.#idleTimers.set(
        worker,
        this.#deps.clock.after(IDLE_MS, () => worker.close()),
      );
    }
  }

  close(): void {
    for (const worker of this.#workers) worker.close();
  }

  #place(weight: number, alone: boolean): WorkerProcess {
    const shared = this.workers.filter((worker) => !worker.exclusive).sort((a, b) => a.load - b.load);
    const exclusive = this.#workers.size - shared.length;
    if (alone && exclusive < this.#deps.maxWorkers) return this.#start(true);
    // The fullest that still has room: so that the others become idle.
    const fitting = shared.findLast((worker) => worker.load === 0 || worker.load + weight <= FULL);
    if (fitting) return fitting;
    const [leastLoaded] = shared;
    return leastLoaded && shared.length >= this.#deps.maxWorkers ? leastLoaded : this.#start(false);
  }

  #start(exclusive: boolean): WorkerProcess {
    const { clock, log } = this.#deps;
    this.counters.started++;
    const worker = new WorkerProcess({
      clock,
      log,
      exclusive,
      counters: this.counters,
      onGone: (gone) => {
        this.#workers.delete(gone);
        this.#idleTimers.get(gone)?.cancel();
        this.#idleTimers.delete(gone);
      },
      onJobFailed: () => this.settle(),
    });
    this.#workers.add(worker);
    return worker;
  }
}
