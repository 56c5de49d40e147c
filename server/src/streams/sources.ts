/** What owners do with the addresses that their streams are fetched from. The rules; the fetching itself is elsewhere. */
import type { Source, SourceMode, SourceProblem, SourceSettings, SourceState } from '@millrace/contract/entities/source';
import type { User } from '@millrace/contract/entities/user';
import { MAX_SOURCES_PER_GUEST } from '@millrace/contract/limits';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { PublicAddresses } from '../lib/public-address.ts';
import { SealError, type Sealer } from '../lib/sealed.ts';
import type { SourceRow, SourceStore } from '../store/sources.ts';
import type { StreamDirectory } from './directory.ts';
import { parseSource } from './source-address.ts';
import type { Streams } from './streams.ts';

/** The little that the product sees of the fetching. */
export interface FetchingPort {
  /** `retryAt` in milliseconds since the Unix epoch. */
  status(streamId: string): {
    readonly state: Exclude<SourceState, 'off'>;
    readonly problem: SourceProblem | null;
    readonly error: string | null;
    readonly retryAt: number | null;
  };
  /** A stream has another source now, or none. */
  sourceChanged(streamId: string): Promise<void>;
}

export interface SourcesDeps {
  readonly store: SourceStore;
  readonly streams: Pick<Streams, 'owned'>;
  readonly directory: StreamDirectory;
  readonly sealer: Sealer;
  readonly addresses: Pick<PublicAddresses, 'resolvePublic'>;
  readonly clock: Clock;
  readonly log: Log;
  mayPublish(user: Pick<User, 'kind'>): boolean;
  /** Asked late: the fetching asks for sources in its turn. */
  fetching(): FetchingPort;
}

/** With its secrets, for whoever fetches it. */
export interface OpenSource {
  readonly streamId: string;
  readonly url: string;
  readonly mode: SourceMode;
}

export class Sources {
  readonly #deps: SourcesDeps;

  constructor(deps: SourcesDeps) {
    this.#deps = deps;
  }

  async get(user: User, streamId: string): Promise<Source | null> {
    await this.#deps.streams.owned(user, streamId);
    const row = await this.#deps.store.of(streamId);
    return row ? this.#view(row) : null;
  }

  /** What is left out stays. */
  async set(user: User, streamId: string, { url, mode, enabled }: { readonly [Name in keyof SourceSettings]?: SourceSettings[Name] | undefined }): Promise<Source> {
    const { store, streams, addresses, sealer, clock, mayPublish, fetching } = this.#deps;
    await streams.owned(user, streamId);
    if (!mayPublish(user)) throw new AppError('guests_not_allowed');
    const max = user.kind === 'guest' ? MAX_SOURCES_PER_GUEST : Number.POSITIVE_INFINITY;
    // Before any address is looked up.
    if ((await store.countOthers(user.id, streamId)) >= max) throw tooMany(max);
    const before = await store.of(streamId);
    if (url === undefined && !before) throw new AppError('invalid_request', { fields: [{ path: 'url', message: 'is needed: this stream has no source yet' }] });
    const parsed = url === undefined ? undefined : parseSource(url);
    // A name that cannot be looked up now may be later; an address that is not allowed is told at once.
    if (parsed?.host !== undefined) {
      await addresses.resolvePublic(parsed.host).catch((error: unknown) => {
        if (error instanceof AppError) throw error;
      });
    }
    const address = parsed?.shown ?? before?.address ?? '';
    const secret = parsed ? sealer.seal(parsed.url, purposeOf(streamId)) : (before?.secret ?? '');
    const row: SourceRow = {
      streamId,
      address,
      secret,
      mode: mode ?? before?.mode ?? 'always',
      enabled: enabled ?? before?.enabled ?? true,
      updatedAt: new Date(clock.now()),
    };
    if (!(await store.put(row, { ownerId: user.id, max }))) throw tooMany(max);
    await fetching().sourceChanged(streamId);
    return this.#view(row);
  }

  async remove(user: User, streamId: string): Promise<void> {
    const { store, streams, fetching } = this.#deps;
    await streams.owned(user, streamId);
    await store.delete(streamId);
    await fetching().sourceChanged(streamId);
  }

  /** Undefined as well when it is switched off. */
  async of(streamId: string): Promise<OpenSource | undefined> {
    const row = await this.#deps.store.of(streamId);
    return row && this.#open(row);
  }

  /** Those that this server fetches, and that are switched on. */
  async mine(): Promise<OpenSource[]> {
    return (await this.#deps.store.mine()).flatMap((row) => this.#open(row) ?? []);
  }

  /** Whether the broadcast of a stream waits for its owner. */
  async startOf(streamId: string): Promise<'auto' | 'manual'> {
    return (await this.#deps.directory.byId(streamId)).stream?.start ?? 'auto';
  }

  /** One that was sealed with the secrets of another server is not fetched; the others are. */
  #open({ streamId, secret, mode, enabled }: SourceRow): OpenSource | undefined {
    if (!enabled) return undefined;
    try {
      return { streamId, mode, url: this.#deps.sealer.open(secret, purposeOf(streamId)) };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      this.#deps.log.error({ err: error, streamId }, 'the address of a source cannot be read: set it again');
      return undefined;
    }
  }

  #view({ streamId, address, mode, enabled, updatedAt }: SourceRow): Source {
    const { state, problem, error, retryAt } = this.#deps.fetching().status(streamId);
    const status = enabled ? { state, problem, error, retryAt: retryAt === null ? null : new Date(retryAt).toISOString() } : OFF;
    return { url: address, mode, enabled, ...status, updatedAt: updatedAt.toISOString() };
  }
}

const OFF = { state: 'off', problem: null, error: null, retryAt: null } as const;

function tooMany(max: number): AppError {
  return new AppError('limit_reached', { detail: `A guest may have ${max} streams fetched. Take the source from one that you no longer need.` });
}

function purposeOf(streamId: string): string {
  return `source ${streamId}`;
}
