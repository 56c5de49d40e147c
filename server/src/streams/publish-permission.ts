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
    if (stream.ownerKind === 'guest' && (await this.#othersLive(stream)) >= MAX_LIVE_STREAMS_PER_GUEST) {
      return this.#refuse('limit_reached', `You have ${MAX_LIVE_STREAMS_PER_GUEST} broadcasts running already, which is as many as a guest may have. Stop one first.`);
    }
    this.counters.allowed++;
    return { allowed: true, streamId: stream.id, start: stream.start, secondPublisher: stream.secondPublisher };
  }

  /** Broadcasts of the same owner that run on other streams. */
  async #othersLive(stream: KnownStream): Promise<number> {
    const ids = [...this.#deps.media.running()].map((broadcast) => broadcast.streamId).filter((id) => id !== stream.id);
    const streams = await this.#deps.directory.byIds(ids);
    return streams.filter((other) => other.ownerId === stream.ownerId).length;
  }

  #refuse(reason: Extract<PublishDecision, { allowed: false }>['reason'], message: string): PublishDecision {
    this.counters.refused++;
    return { allowed: false, reason, message };
  }
}
