/** Everything that people do with recordings: list, watch, rename, hide, delete. The rules; SQL, files and HTTP are elsewhere. */
import type { RecordingSettings, RecordingStorage, RecordingTask } from '@millrace/contract/entities/recording';
import type { User } from '@millrace/contract/entities/user';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type Page, type PageQuery, pageOf, readCursor } from '../lib/page.ts';
import type { RecordingFilter, RecordingStore, StoredRecording } from '../store/recordings.ts';
import type { PlaybackTokens } from '../streams/playback-tokens.ts';
import type { RecordingDirectory } from './recording-directory.ts';

export interface RecordingsDeps {
  readonly store: RecordingStore;
  readonly directory: RecordingDirectory;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
  /** Where it lies now. */
  storageOf(recording: StoredRecording): RecordingStorage;
  /** Null unless something takes long. */
  taskOf(id: string): RecordingTask | null;
  /** Whether it has a picture of its own. */
  hasPoster(recording: StoredRecording): Promise<boolean>;
  /** Resolves when its MP4 can be sent at once. Rejects with AppError. */
  prepareDownload(id: string): Promise<void>;
  /** Its owner changed it. */
  changed(recording: StoredRecording): void;
  /** Deletes the row, and sees to what lies elsewhere. */
  removeRow(id: string): Promise<void>;
  /** Deletes the files of a recording on this machine. */
  removeFiles(id: string): Promise<void>;
}

/** What an asker waits for the preparation of a download: most are ready at once. */
const PREPARATION_MS = 1_000;

export class Recordings {
  readonly #deps: RecordingsDeps;

  constructor(deps: RecordingsDeps) {
    this.#deps = deps;
  }

  async list(user: User, query: PageQuery & RecordingFilter): Promise<Page<StoredRecording>> {
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
    const position = after && { startedAt: new Date(after.rank), id: after.id };
    const found = await this.#deps.store.listOwned(user.id, query, { after: position, limit: query.limit + 1 });
    return pageOf(found, query.limit, ({ startedAt, id }) => ({ rank: startedAt.getTime(), id }));
  }

  /** A recording of this user's; anybody else's answers as if it did not exist. */
  async owned(user: User, id: string): Promise<StoredRecording> {
    const recording = await this.#deps.store.byId(id);
    if (recording?.ownerId !== user.id) throw new AppError('recording_not_found');
    return recording;
  }

  /** The recording that shows most of a broadcast, once one can be played. */
  keptOf(streamId: string, broadcastId: string): Promise<StoredRecording | undefined> {
    return this.#deps.store.longestReady(streamId, broadcastId);
  }

  /** The recording that is being made of a broadcast, else the one that was last. */
  latestOf(streamId: string, broadcastId: string): Promise<StoredRecording | undefined> {
    return this.#deps.store.latestOf(streamId, broadcastId);
  }

  /** One that this person may watch now. `isByToken`: the token they brought is why. */
  async watched(
    user: User | undefined,
    id: string,
    token: string | undefined,
  ): Promise<{ readonly recording: StoredRecording; readonly isOwner: boolean; readonly isByToken: boolean }> {
    const { directory, tokens, clock } = this.#deps;
    const { recording } = await directory.byId(id);
    const isOwner = recording !== undefined && recording.ownerId === user?.id;
    const isByToken = token !== undefined && tokens.isValid(token, id, clock.now());
    if (!recording || (recording.visibility === 'private' && !isOwner && !isByToken)) throw new AppError('recording_not_found');
    this.#mustBePlayable(recording);
    return { recording, isOwner, isByToken };
  }

  /** Where it lies now, and how far it has come on its way into object storage. */
  storageOf(recording: StoredRecording): RecordingStorage {
    return this.#deps.storageOf(recording);
  }

  /** What takes long with it now. */
  taskOf({ id }: StoredRecording): RecordingTask | null {
    return this.#deps.taskOf(id);
  }

  /** Whether it has a picture of its own: sound alone has none. */
  hasPoster(recording: StoredRecording): Promise<boolean> {
    return this.#deps.hasPoster(recording);
  }

  /** Has its MP4 made ready, and says whether it is. Goes on when it is not. */
  async prepareDownload(user: User, id: string): Promise<{ readonly isReady: boolean; readonly task: RecordingTask | null }> {
    const { clock, prepareDownload, taskOf } = this.#deps;
    this.#mustBePlayable(await this.owned(user, id));
    const waited = Promise.withResolvers<boolean>();
    const timer = clock.after(PREPARATION_MS, () => waited.resolve(false));
    const prepared = prepareDownload(id).then(() => true);
    const isReady = await Promise.race([prepared, waited.promise]).finally(() => timer.cancel());
    return { isReady, task: isReady ? null : taskOf(id) };
  }

  async update(user: User, id: string, changes: { readonly [Key in keyof RecordingSettings]?: RecordingSettings[Key] | undefined }): Promise<StoredRecording> {
    await this.owned(user, id);
    await this.#deps.store.update(id, changes, new Date(this.#deps.clock.now()));
    this.#deps.directory.forget(id);
    const recording = await this.owned(user, id);
    this.#deps.changed(recording);
    return recording;
  }

  async remove(user: User, id: string): Promise<void> {
    const { state } = await this.owned(user, id);
    if (state === 'recording') throw new AppError('recording_not_ready', { detail: 'This recording is still being made. End the broadcast first.' });
    await this.#remove(id);
  }

  /** Everything that there is of a broadcast, but for what is being made. */
  async removeOf(streamId: string, broadcastId: string): Promise<void> {
    for (const id of await this.#deps.store.endedOf(streamId, broadcastId)) await this.#remove(id);
  }

  #mustBePlayable(recording: StoredRecording): void {
    if (recording.state !== 'ready') throw new AppError('recording_not_ready');
    if (this.storageOf(recording).elsewhere) throw new AppError('on_another_server');
  }

  async #remove(id: string): Promise<void> {
    const { directory, removeRow, removeFiles } = this.#deps;
    await removeRow(id);
    directory.forget(id);
    // The row is gone, so nobody can ask for the files any more; what is left of them after a crash is reported at the start.
    await removeFiles(id);
  }
}
