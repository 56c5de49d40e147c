/** Says of a stream that nobody sends here whether another server on the database has its publisher. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Recent } from '../lib/recent.ts';
import type { StreamStore } from '../store/streams.ts';
import type { Elsewhere } from '../stream/elsewhere.ts';
import type { MediaPort } from './media-port.ts';

export interface BroadcastsElsewhereDeps {
  readonly store: Pick<StreamStore, 'byId'>;
  readonly media: Pick<MediaPort, 'broadcast'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Players that find nothing ask again and again. */
const LIMITS = { maxEntries: 10_000, maxAgeMs: 2_000 } as const;

export class BroadcastsElsewhere implements Elsewhere {
  readonly #deps: BroadcastsElsewhereDeps;
  readonly #known: Recent<boolean>;

  constructor(deps: BroadcastsElsewhereDeps) {
    this.#deps = deps;
    this.#known = new Recent(LIMITS, deps.clock);
  }

  async isLive(streamId: string): Promise<boolean> {
    const { media, log } = this.#deps;
    const here = media.broadcast(streamId);
    if (here && here.state !== 'ended') return false;
    try {
      return this.#known.get(streamId) ?? (await this.#known.load(streamId, () => this.#look(streamId, here?.broadcastId)));
    } catch (error) {
      log.warn({ err: error, streamId }, 'it could not be learnt whether a stream is live on another server');
      return false;
    }
  }

  /** @param ended the broadcast that has ended here, which the database may not know yet. */
  async #look(streamId: string, ended: string | undefined): Promise<boolean> {
    const stored = (await this.#deps.store.byId(streamId))?.broadcast;
    return stored !== null && stored !== undefined && stored.state !== 'ended' && stored.startedAt !== null && stored.id !== ended;
  }
}
