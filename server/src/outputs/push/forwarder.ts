/** One target of a running broadcast: tries, and tries again with longer and longer pauses, until the broadcast ends or the owner switches it off. */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import { Attempt } from './attempt.ts';
import type { SenderKind } from './sender.ts';
import { IDLE, type PushStatus, type PushTarget, TargetFailed, TargetRefused } from './target.ts';
import type { BridgeSource } from './target-feed.ts';

/** Doubled with each failure in a row. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** A connection that held so long was a good one: the next failure is the first again. */
const PROVEN_MS = 30_000;

/** A publisher that turns its phone and turns it back is followed at once. */
const FREE_CHANGES = 2;

export interface ForwarderDeps {
  readonly stream: LiveStream;
  readonly target: PushTarget;
  readonly bridges: BridgeSource;
  readonly senders: SenderKind;
  readonly clock: Clock;
  readonly log: Log;
}

export class Forwarder {
  /** Resolves when nothing is sent any more. */
  readonly closed: Promise<void>;
  readonly #deps: ForwarderDeps;
  readonly #done = Promise.withResolvers<void>();
  #status: PushStatus = { ...IDLE, state: 'connecting' };
  #attempt: Attempt | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  /** Changes of the formats in a row, none of which held for long. */
  #changes = 0;
  /** Of the attempts that are over. */
  #bytesSent = 0;
  #droppedUnits = 0;
  #isClosed = false;

  constructor(deps: ForwarderDeps) {
    this.#deps = deps;
    this.closed = this.#done.promise;
  }

  start(): void {
    void this.#try();
  }

  get target(): PushTarget {
    return this.#deps.target;
  }

  get status(): PushStatus {
    return { ...this.#status, bytesSent: this.#bytesSent + (this.#attempt?.bytesSent ?? 0), droppedUnits: this.#droppedUnits + (this.#attempt?.droppedUnits ?? 0) };
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#timer?.cancel();
      this.#attempt?.close();
      if (!this.#attempt) this.#over();
    }
    await this.closed;
  }

  async #try(): Promise<void> {
    const { clock, log, target } = this.#deps;
    this.#timer = undefined;
    this.#status = { ...this.#status, state: 'connecting', retryAt: null };
    let forwardingSince: number | undefined;
    const attempt = new Attempt({
      ...this.#deps,
      onForwarding: () => {
        forwardingSince = clock.monotonic();
        this.#status = { ...this.#status, state: 'forwarding', error: null, forwardingSince: clock.now() };
        log.info({ targetId: target.id, protocol: target.protocol, host: target.host }, 'forwarding begins');
      },
    });
    this.#attempt = attempt;
    const end = await attempt.run().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    this.#attempt = undefined;
    this.#bytesSent += attempt.bytesSent;
    this.#droppedUnits += attempt.droppedUnits;
    if (this.#isClosed || end === 'over') this.#over();
    else {
      const wasProven = forwardingSince !== undefined && clock.monotonic() - forwardingSince >= PROVEN_MS;
      if (end === 'changed') this.#change(wasProven);
      else this.#retry(end, wasProven);
    }
  }

  /** At once, unless the publisher does it again and again. */
  #change(wasProven: boolean): void {
    this.#changes = wasProven ? 0 : this.#changes + 1;
    if (this.#changes <= FREE_CHANGES) void this.#try();
    else this.#wait(new TargetFailed('The formats of the broadcast change again and again, and each change needs a new connection.'), this.#changes - FREE_CHANGES);
  }

  #retry(error: Error, wasProven: boolean): void {
    this.#failures = wasProven ? 1 : this.#failures + 1;
    this.#wait(error, this.#failures);
  }

  /** @param failures in a row. */
  #wait(error: Error, failures: number): void {
    const { clock, log, target } = this.#deps;
    const isRefused = error instanceof TargetRefused;
    const retryMs = isRefused ? LAST_RETRY_MS : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    this.#status = { ...this.#status, state: isRefused ? 'refused' : 'waiting', error: error.message, retryAt: clock.now() + retryMs, forwardingSince: null };
    log.warn({ targetId: target.id, protocol: target.protocol, host: target.host, reason: error.message, failures, retryMs }, 'forwarding failed');
    this.#timer = clock.after(retryMs, () => void this.#try());
  }

  #over(): void {
    this.#isClosed = true;
    this.#status = { ...this.#status, state: 'idle', retryAt: null, forwardingSince: null };
    this.#done.resolve();
  }
}
