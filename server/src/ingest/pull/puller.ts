/** One stream that is fetched: always, or while somebody watches; again with longer and longer pauses when it does not work. */
import { SourceProblem } from '@millrace/contract/entities/source';
import { AppError } from '../../lib/app-error.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { type PullEnd, PullSession, type PullSessionDeps } from './session.ts';
import { IDLE, type PullSource, type PullStatus } from './source.ts';

/** Doubled with each failure in a row. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** A source that ran so long is a good one: the next failure is the first again. */
const PROVEN_MS = 30_000;

/** How soon the seat is looked at again that a publisher has. */
const OCCUPIED_RETRY_MS = 5_000;

/** An owner who ends the broadcast does not want it back the next moment. */
const STOPPED_RETRY_MS = 60_000;

/** How often it is looked whether somebody watches, and how long after the last it goes on: viewers reload pages. */
const WATCH_MS = 2_000;
const LINGER_MS = 30_000;

export interface PullerDeps extends Omit<PullSessionDeps, 'source' | 'start' | 'onRunning'> {
  readonly source: PullSource;
  readonly clock: Clock;
  readonly log: Log;
  startOf(streamId: string): Promise<'auto' | 'manual'>;
  /** Whether there are viewers besides those who asked for playlists and segments. */
  isWatched(streamId: string): boolean;
}

export class Puller {
  readonly #deps: PullerDeps;
  #status: PullStatus = IDLE;
  #session: PullSession | undefined;
  #timer: Timer | undefined;
  #watcher: Timer | undefined;
  #wantedAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #bytes = 0;
  #isClosed = false;
  #running = Promise.withResolvers<void>();

  constructor(deps: PullerDeps) {
    this.#deps = deps;
  }

  get source(): PullSource {
    return this.#deps.source;
  }

  get status(): PullStatus {
    return this.#status;
  }

  get bytes(): number {
    return this.#bytes + (this.#session?.bytes ?? 0);
  }

  start(): void {
    if (this.source.mode === 'always') this.#begin();
  }

  /** Somebody wants to watch. A promise while nothing has come yet: resolved with the first media, or never. */
  wanted(): Promise<void> | undefined {
    if (this.source.mode === 'always' || this.#isClosed) return undefined;
    this.#wantedAt = this.#deps.clock.monotonic();
    if (this.#status.state === 'running') return undefined;
    if (this.#status.state === 'idle') this.#begin();
    return this.#running.promise;
  }

  /** Does not wait for the next try any longer. */
  tryNow(): void {
    if (this.#status.state !== 'waiting') return;
    this.#timer?.cancel();
    this.#failures = 0;
    void this.#try();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #begin(): void {
    if (this.source.mode === 'on-demand') this.#watcher ??= this.#deps.clock.every(WATCH_MS, () => this.#stopUnwatched());
    void this.#try();
  }

  #stopUnwatched(): void {
    const { clock, isWatched, log, source } = this.#deps;
    if (isWatched(source.streamId)) this.#wantedAt = clock.monotonic();
    if (clock.monotonic() - this.#wantedAt < LINGER_MS) return;
    log.info({}, 'source no longer wanted');
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#watcher?.cancel();
    this.#timer = undefined;
    this.#watcher = undefined;
    this.#failures = 0;
    this.#status = IDLE;
    this.#session?.close();
    this.#letGo();
  }

  #letGo(): void {
    this.#bytes += this.#session?.bytes ?? 0;
    this.#session = undefined;
    this.#running = Promise.withResolvers<void>();
  }

  async #try(): Promise<void> {
    const { clock, source, startOf } = this.#deps;
    this.#timer = undefined;
    this.#status = { ...this.#status, state: 'connecting', retryAt: null };
    let runningSince: number | undefined;
    const onRunning = (): void => {
      runningSince = clock.monotonic();
      this.#status = { ...IDLE, state: 'running' };
      this.#running.resolve();
    };
    const start = await startOf(source.streamId).catch(() => 'auto' as const);
    // Nobody may want it any more.
    if (this.#isClosed || this.#status.state !== 'connecting' || this.#session) return;
    const session = new PullSession({ ...this.#deps, start, onRunning });
    this.#session = session;
    const end = await session
      .run()
      .catch((error: unknown) => (error instanceof AppError ? error : new AppError('internal', { detail: 'The source could not be fetched.' }, error)));
    if (this.#session !== session) return;
    this.#letGo();
    if (end instanceof AppError) this.#failed(end, runningSince);
    else this.#over(end, runningSince);
  }

  #over(end: PullEnd, runningSince: number | undefined): void {
    switch (end) {
      case 'occupied':
        this.#retry(OCCUPIED_RETRY_MS, { ...IDLE, state: 'occupied' });
        break;
      case 'stopped':
        this.#retry(STOPPED_RETRY_MS, { ...IDLE, state: 'waiting', error: 'The broadcast was ended.' });
        break;
      case 'ended':
        this.#failed(new AppError('source_ended'), runningSince);
        break;
      case 'closed':
    }
  }

  #failed(failure: AppError, runningSince: number | undefined): void {
    const { clock, log } = this.#deps;
    const wasProven = runningSince !== undefined && clock.monotonic() - runningSince >= PROVEN_MS;
    this.#failures = wasProven ? 1 : this.#failures + 1;
    const retryMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    const { code, message } = failure;
    log.warn({ code, reason: message, failures: this.#failures, retryMs, ...(code === 'internal' && { err: failure.cause }) }, 'source failed');
    this.#retry(retryMs, { state: 'waiting', problem: SourceProblem.safeParse(code).data ?? 'internal', error: message });
  }

  #retry(afterMs: number, status: Omit<PullStatus, 'retryAt'>): void {
    const { clock } = this.#deps;
    this.#status = { ...status, retryAt: clock.now() + afterMs };
    this.#timer = clock.after(afterMs, () => void this.#try());
  }
}
