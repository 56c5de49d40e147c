/** Tells the other servers on the database that this one runs, and ends the broadcasts and recordings of those that say nothing any more. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ServerStore } from '../store/servers.ts';
import type { BroadcastLog } from './broadcast-log.ts';

export interface ServerWatchDeps {
  readonly servers: Pick<ServerStore, 'seen'>;
  readonly broadcasts: Pick<BroadcastLog, 'endAbandoned'>;
  /** What was being recorded on servers that nobody has seen since then is given up. */
  readonly recordings: { endAbandoned(unseenSince: Date): Promise<void> };
  readonly clock: Clock;
  readonly log: Log;
  /** Other servers may have taken over what this one had. */
  moved(): Promise<void>;
}

const BEAT_MS = 30_000;

/** A server that says nothing for so long is gone: longer than a restart takes, and than publishers are waited for. */
const GONE_MS = 5 * 60_000;

export class ServerWatch {
  readonly #deps: ServerWatchDeps;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  /** Since when each beat of this server was stored. */
  #heardSince: number | undefined;

  constructor(deps: ServerWatchDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    await this.beat();
    this.#timer = this.#deps.clock.every(BEAT_MS, () => void this.beat());
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#beating;
  }

  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  async #beat(): Promise<void> {
    const { servers, broadcasts, recordings, clock, log, moved } = this.#deps;
    const now = clock.now();
    try {
      await servers.seen(new Date(now));
      await moved();
      // A database that was away has heard nobody: the others get their time to be heard again.
      this.#heardSince ??= now;
      if (now - this.#heardSince < GONE_MS) return;
      const unseenSince = new Date(now - GONE_MS);
      await broadcasts.endAbandoned(unseenSince);
      await recordings.endAbandoned(unseenSince);
    } catch (error) {
      this.#heardSince = undefined;
      log.warn({ err: error }, 'the other servers cannot be told that this one runs');
    }
  }
}
