/** Everything that people do with streams: make, list, change, start, stop, watch. The rules; SQL and HTTP are elsewhere. */
import type { BroadcastState } from '@millrace/contract/entities/broadcast';
import type { Stream, StreamSettings } from '@millrace/contract/entities/stream';
import type { User } from '@millrace/contract/entities/user';
import { DEFAULT_REWIND_SECONDS, MAX_STREAMS_PER_GUEST } from '@millrace/contract/limits';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type Cursor, type Page, type PageQuery, pageOf, readCursor } from '../lib/page.ts';
import type { SettingsChange, StoredStream, StreamStore } from '../store/streams.ts';
import type { StreamDirectory } from './directory.ts';
import type { MediaPort } from './media-port.ts';
import { hashKey, type Names } from './names.ts';
import { isElsewhere, type StreamNow, viewStream } from './views.ts';

export interface StreamsDeps {
  readonly store: StreamStore;
  readonly directory: StreamDirectory;
  readonly media: MediaPort;
  readonly clock: Clock;
  readonly names: Names;
  mayPublish(user: Pick<User, 'kind'>): boolean;
  /** Ends when every broadcast is stored as it is now. */
  broadcastsStored(): Promise<void>;
  /** What was and is recorded of this broadcast is not to be kept. */
  discardRecordings(broadcast: { readonly streamId: string; readonly broadcastId: string }): Promise<void>;
  /** Who watches a stream may not be allowed to any more. */
  onMadePrivate(streamId: string): void;
  /** A stream is no more; whoever watches it is told. */
  onRemoved(streamId: string): void;
}

const DEFAULTS: Omit<StreamSettings, 'title'> = {
  description: '',
  visibility: 'unlisted',
  start: 'auto',
  secondPublisher: 'takeover',
  record: false,
  rewindSeconds: DEFAULT_REWIND_SECONDS,
  ladder: 'auto',
};

/** With 887 million codes the first draw nearly always fits; ten that do not mean something else is wrong. */
const MAX_DRAWS = 10;

export class Streams {
  readonly #deps: StreamsDeps;

  constructor(deps: StreamsDeps) {
    this.#deps = deps;
  }

  /** The stream and, this once, its key. */
  async create(user: User, settings: SettingsChange & { readonly title: string }): Promise<{ now: StreamNow; key: string }> {
    const { store, names, clock } = this.#deps;
    if (!this.#deps.mayPublish(user)) throw new AppError('guests_not_allowed');
    const maxOwned = user.kind === 'guest' ? MAX_STREAMS_PER_GUEST : Number.POSITIVE_INFINITY;
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const key = names.key();
      const stream = { ...DEFAULTS, ...defined(settings), id: names.id(), ownerId: user.id, code: names.code(), at: new Date(clock.now()) };
      const outcome = await store.insert({ ...stream, keyHash: hashOf(key) }, maxOwned);
      if (outcome === 'limit_reached') {
        throw new AppError('limit_reached', { detail: `A guest may have ${maxOwned} streams. Delete one that you no longer need.` });
      }
      if (outcome === 'inserted') return { now: this.#now({ ...stream, ownerKind: user.kind, createdAt: stream.at, updatedAt: stream.at, broadcast: null }), key };
    }
    throw new Error(`no free code in ${MAX_DRAWS} draws`);
  }

  async list(user: User, query: PageQuery & { readonly status?: BroadcastState | undefined }): Promise<Page<Stream>> {
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
    const position = after && { createdAt: new Date(after.rank), id: after.id };
    const found = await this.#deps.store.listOwned(user.id, query.status, { after: position, limit: query.limit + 1 });
    const page = pageOf(found, query.limit, (stream) => ({ rank: stream.createdAt.getTime(), id: stream.id }));
    return { ...page, items: page.items.map((stream) => viewStream(this.#now(stream))) };
  }

  /** A stream of this user's; anybody else's answers as if it did not exist. */
  async owned(user: User, id: string): Promise<StreamNow> {
    const stream = await this.#deps.store.byId(id);
    if (stream?.ownerId !== user.id) throw new AppError('stream_not_found');
    return this.#now(stream);
  }

  async update(user: User, id: string, changes: SettingsChange): Promise<StreamNow> {
    const { stream: before } = await this.owned(user, id);
    await this.#deps.store.update(id, changes, new Date(this.#deps.clock.now()));
    this.#deps.directory.forget(id);
    if (changes.visibility === 'private' && before.visibility !== 'private') this.#deps.onMadePrivate(id);
    return this.owned(user, id);
  }

  async remove(user: User, id: string): Promise<void> {
    const { store, media, directory } = this.#deps;
    await this.owned(user, id);
    // Its end is stored, and whoever follows it told, while there is a stream to tell of.
    if (media.stop(id, 'stream_deleted')) await this.#deps.broadcastsStored();
    await store.delete(id);
    directory.forget(id);
    // A publisher who came back meanwhile.
    media.stop(id, 'stream_deleted');
    this.#deps.onRemoved(id);
  }

  /** Lets viewers into a preview. Starting what is live already changes nothing. */
  async start(user: User, id: string): Promise<StreamNow> {
    const { media } = this.#deps;
    const now = await this.owned(user, id);
    if (!media.start(id) && media.broadcast(id)?.state !== 'live') throw new AppError(isElsewhere(now) ? 'on_another_server' : 'no_media');
    return this.owned(user, id);
  }

  /** @param keepRecording false: what was recorded of it is deleted. */
  async stop(user: User, id: string, { keepRecording }: { readonly keepRecording: boolean }): Promise<StreamNow> {
    const now = await this.owned(user, id);
    const { media, discardRecordings, broadcastsStored } = this.#deps;
    const broadcast = media.broadcast(id);
    // Before it ends: what has ended is kept.
    if (!keepRecording && broadcast) await discardRecordings(broadcast);
    if (!media.stop(id, 'stopped')) throw new AppError(isElsewhere(now) ? 'on_another_server' : 'not_running');
    // A broadcast that comes back after a crash would be recorded anew.
    if (!keepRecording) await broadcastsStored();
    return this.owned(user, id);
  }

  /** The old key stops working at once for whoever connects. A publisher that is connected stays: the owner ends it by `stop`. */
  async rotateKey(user: User, id: string): Promise<{ now: StreamNow; key: string }> {
    await this.owned(user, id);
    const key = this.#deps.names.key();
    await this.#deps.store.setKeyHash(id, hashOf(key), new Date(this.#deps.clock.now()));
    this.#deps.directory.forget(id);
    return { now: await this.owned(user, id), key };
  }

  async byCode(code: string): Promise<StreamNow | undefined> {
    const stream = await this.#deps.store.byCode(code);
    return stream && this.#now(stream);
  }

  /** Public broadcasts that viewers can see, most watched first. */
  async live(query: PageQuery): Promise<Page<StreamNow>> {
    const { media, directory } = this.#deps;
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
    const ids = [...media.running()].filter((broadcast) => broadcast.startedAt !== null).map((broadcast) => broadcast.streamId);
    const streams = (await directory.byIds(ids)).filter((stream) => stream.visibility === 'public').map((stream) => this.#now({ ...stream, broadcast: null }));
    const rest = streams.map((now) => ({ now, cursor: { rank: now.viewers, id: now.stream.id } })).filter(({ cursor }) => !after || compare(after, cursor) < 0);
    rest.sort((a, b) => compare(a.cursor, b.cursor));
    const page = pageOf(rest.slice(0, query.limit + 1), query.limit, ({ cursor }) => cursor);
    return { ...page, items: page.items.map(({ now }) => now) };
  }

  #now({ broadcast, ...stream }: StoredStream): StreamNow {
    const { media } = this.#deps;
    return { stream, running: media.broadcast(stream.id), stored: broadcast, viewers: media.viewers(stream.id), hasPoster: media.hasPoster(stream.id) };
  }
}

/** Highest rank first, then by id, so that equal ranks keep their order. */
function compare(a: Cursor, b: Cursor): number {
  return b.rank - a.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function hashOf(key: string): Buffer {
  const hash = hashKey(key);
  if (!hash) throw new Error('a drawn key does not have the shape of a key');
  return hash;
}

function defined({ title, ...settings }: SettingsChange & { readonly title: string }): Partial<StreamSettings> & { title: string } {
  const given: Partial<StreamSettings> & { title: string } = { title };
  return Object.assign(given, Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)));
}
