/** Says who may publish: the right key, not too many wrong ones, not too many broadcasts at once. */
import { MAX_LIVE_STREAMS_PER_GUEST } from '@millrace/contract/limits';
import type { Clock } from '../lib/clock.ts';
import { TryLimiter } from '../lib/try-limiter.ts';
import type { PublishAttempt, PublishDecision, PublishGate } from '../stream/publish-gate.ts';
import type { KnownStream, StreamDirectory } from './directory.ts';
import type { MediaPort } from './media-port.ts';
import { hashKey } from './names.ts';

export interface PublishPermissionDeps {
  readonly directory: StreamDirectory;
  readonly media: MediaPort;
  readonly clock: Clock;
  mayPublish(user: { readonly kind: 'guest' | 'account' }): boolean;
}

/** Ten wrong keys in a minute, then a minute's rest: 238 bits do not fall to this, but the log and the CPU would. */
const WRONG_KEYS = { tries: 10, windowMs: 60_000, blockMs: 60_000 } as const;

const TOO_MANY_TRIES = 'Too many wrong stream keys came from this address. Wait a minute, then try again with the right one.';

export class PublishPermission implements PublishGate {
  readonly counters = { allowed: 0, wrongKeys: 0, refused: 0 };
  readonly #deps: PublishPermissionDeps;
  readonly #wrongKeys: TryLimiter;
  /** Streams of guests whose publishers were let in and are still there, most before their first picture. */
  readonly #admitted = new Set<KnownStream>();

  constructor(deps: PublishPermissionDeps) {
    this.#deps = deps;
    this.#wrongKeys = new TryLimiter(WRONG_KEYS, deps.clock);
  }

  mayConnect(remoteAddress: string): boolean {
    return this.#wrongKeys.waitMs(remoteAddress) === 0;
  }

  async authorise({ key, remoteAddress }: PublishAttempt, signal: AbortSignal): Promise<PublishDecision> {
    if (!this.mayConnect(remoteAddress)) return this.#refuse('too_many_tries', TOO_MANY_TRIES);
    const keyHash = hashKey(key);
    const stream = keyHash && (await this.#deps.directory.byKeyHash(keyHash));
    signal.throwIfAborted();
    // Of keys that come all at once, the first wrong ones are known only now.
    if (!this.mayConnect(remoteAddress)) return this.#refuse('too_many_tries', TOO_MANY_TRIES);
    if (!stream) {
      this.#wrongKeys.count(remoteAddress);
      this.counters.wrongKeys++;
      return this.#refuse('wrong_key', 'This stream key is wrong or has been replaced. Copy it again from the page of your stream.');
    }
    if (!this.#deps.mayPublish({ kind: stream.ownerKind })) return this.#refuse('not_allowed', 'Guests may not publish on this server.');
    if (stream.ownerKind === 'guest') {
      const running = await this.#runningOf(stream.ownerId);
      signal.throwIfAborted();
      // Nothing is waited for from here on: of several that come at once, each sees those before it.
      if (this.#others(stream, running).size >= MAX_LIVE_STREAMS_PER_GUEST) {
        return this.#refuse('limit_reached', `You have ${MAX_LIVE_STREAMS_PER_GUEST} broadcasts running already, which is as many as a guest may have. Stop one first.`);
      }
      this.#admit(stream, signal);
    }
    this.counters.allowed++;
    return { allowed: true, streamId: stream.id, start: stream.start, secondPublisher: stream.secondPublisher };
  }

  /** The streams of an owner on which broadcasts run. */
  async #runningOf(ownerId: string): Promise<string[]> {
    const streams = await this.#deps.directory.byIds([...this.#deps.media.running()].map(({ streamId }) => streamId));
    return streams.filter((stream) => stream.ownerId === ownerId).map(({ id }) => id);
  }

  /** Other streams of the same owner that run or are about to. */
  #others({ id, ownerId }: KnownStream, running: readonly string[]): Set<string> {
    const others = new Set(running);
    for (const admitted of this.#admitted) if (admitted.ownerId === ownerId) others.add(admitted.id);
    others.delete(id);
    return others;
  }

  #admit(stream: KnownStream, signal: AbortSignal): void {
    // A publisher that takes over is there together with the one before it.
    const admitted = { ...stream };
    this.#admitted.add(admitted);
    signal.addEventListener('abort', () => this.#admitted.delete(admitted), { once: true });
  }

  #refuse(reason: Extract<PublishDecision, { allowed: false }>['reason'], message: string): PublishDecision {
    this.counters.refused++;
    return { allowed: false, reason, message };
  }
}
