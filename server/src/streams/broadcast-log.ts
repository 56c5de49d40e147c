/** Writes every change of a broadcast to the database, in order and without holding up the media; reads them back after a restart. */
import type { Transaction } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { BroadcastRow, BroadcastStore } from '../store/broadcasts.ts';
import type { Schema } from '../store/schema.ts';
import type { Broadcast } from '../stream/broadcast.ts';
import type { HubListener } from '../stream/hub.ts';

/** Hears of each broadcast that is stored, in the transaction that stores it: what follows is as sure as the broadcast. */
export interface BroadcastFollower {
  broadcastStored(transaction: Transaction<Schema>, broadcast: BroadcastRow): Promise<void>;
  /** The transaction is through. */
  stored(): void;
}

export interface BroadcastLogDeps {
  readonly store: BroadcastStore;
  readonly follower?: BroadcastFollower;
  readonly clock: Clock;
  readonly log: Log;
}

/** A database that is away is asked again after so long, at first and at most. */
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export class BroadcastLog implements HubListener {
  readonly #deps: BroadcastLogDeps;
  /** What is still to be written, by stream. Only the latest state of a broadcast waits, so a long outage costs little memory. */
  readonly #waiting = new Map<string, Map<string, Broadcast>>();
  readonly #writers = new Map<string, Promise<void>>();

  constructor(deps: BroadcastLogDeps) {
    this.#deps = deps;
  }

  /** Changes that are not in the database yet. */
  get pending(): number {
    let pending = 0;
    for (const changes of this.#waiting.values()) pending += changes.size;
    return pending;
  }

  broadcastChanged(broadcast: Broadcast): void {
    const { streamId } = broadcast;
    const changes = this.#waiting.get(streamId) ?? new Map<string, Broadcast>();
    changes.set(broadcast.broadcastId, broadcast);
    this.#waiting.set(streamId, changes);
    if (this.#writers.has(streamId)) return;
    this.#writers.set(
      streamId,
      this.#write(streamId).finally(() => this.#writers.delete(streamId)),
    );
  }

  /** When everything that has changed until now is written. */
  async flush(): Promise<void> {
    await Promise.all(this.#writers.values());
  }

  /** The broadcasts that ran here when the server stopped, for the hub to wait for their publishers. */
  async restore(): Promise<Broadcast[]> {
    const rows = await this.#deps.store.takeRunning();
    return rows.map(broadcastOf);
  }

  /** Ends what ran on servers that nobody has seen since then. */
  async endAbandoned(unseenSince: Date): Promise<void> {
    for (const row of await this.#deps.store.takeAbandoned(unseenSince)) {
      this.#deps.log.warn({ streamId: row.streamId, broadcastId: row.id }, 'a broadcast is ended whose server is gone');
      const { streamId, broadcastId, epoch, createdAt, startedAt } = broadcastOf(row);
      this.broadcastChanged({ streamId, broadcastId, epoch, createdAt, startedAt, state: 'ended', endedAt: this.#deps.clock.now(), endReason: 'server_stopped' });
    }
  }

  async #write(streamId: string): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      const changes = this.#waiting.get(streamId);
      const first = changes?.entries().next();
      if (!changes || !first || first.done) break;
      const [broadcastId, broadcast] = first.value;
      try {
        const { store, follower } = this.#deps;
        const row = rowOf(broadcast);
        const stored = await store.put(row, follower && ((transaction) => follower.broadcastStored(transaction, row)));
        if (stored) follower?.stored();
        else this.#deps.log.debug({ streamId, broadcastId }, 'broadcast of a deleted stream not stored');
        retryMs = FIRST_RETRY_MS;
        if (changes.get(broadcastId) === broadcast) changes.delete(broadcastId);
      } catch (error) {
        this.#deps.log.warn({ err: error, streamId, broadcastId, retryMs }, 'broadcast not stored, trying again');
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
    this.#waiting.delete(streamId);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(ms, resolve));
  }
}

function rowOf(broadcast: Broadcast): BroadcastRow {
  return {
    id: broadcast.broadcastId,
    streamId: broadcast.streamId,
    epoch: broadcast.epoch,
    state: broadcast.state,
    createdAt: new Date(broadcast.createdAt),
    startedAt: broadcast.startedAt === null ? null : new Date(broadcast.startedAt),
    reconnectUntil: broadcast.state === 'reconnecting' ? new Date(broadcast.reconnectUntil) : null,
    endedAt: broadcast.state === 'ended' ? new Date(broadcast.endedAt) : null,
    endReason: broadcast.state === 'ended' ? broadcast.endReason : null,
  };
}

function broadcastOf(row: BroadcastRow): Broadcast {
  const base = { streamId: row.streamId, broadcastId: row.id, epoch: row.epoch, createdAt: row.createdAt.getTime() };
  const startedAt = row.startedAt?.getTime() ?? null;
  // Whatever it was doing, its publisher is gone now; `reconnecting` keeps whether viewers had been let in.
  return { ...base, state: 'reconnecting', startedAt, reconnectUntil: row.reconnectUntil?.getTime() ?? row.createdAt.getTime() };
}
