/** The library's calls. */
import { DEFAULT_PLAYBACK_TOKEN_SECONDS } from '@millrace/contract/limits';
import type * as routes from '@millrace/contract/rest/recordings';
import type { Clock } from '../../lib/clock.ts';
import type { Recordings } from '../../library/recordings.ts';
import { recordingPlaybackOf, viewPublicRecording, viewRecording } from '../../library/views.ts';
import type { StoredRecording } from '../../store/recordings.ts';
import type { Origin } from '../../streams/addresses.ts';
import type { PlaybackTokens } from '../../streams/playback-tokens.ts';
import type { Handler } from '../mount.ts';

export interface RecordingHandlerDeps {
  readonly recordings: Recordings;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
}

export interface RecordingHandlers {
  readonly listRecordings: Handler<typeof routes.listRecordings>;
  readonly getRecording: Handler<typeof routes.getRecording>;
  readonly viewRecording: Handler<typeof routes.viewRecording>;
  readonly updateRecording: Handler<typeof routes.updateRecording>;
  readonly deleteRecording: Handler<typeof routes.deleteRecording>;
  readonly prepareDownload: Handler<typeof routes.prepareDownload>;
  readonly createRecordingToken: Handler<typeof routes.createRecordingToken>;
}

export function recordingHandlers({ recordings, tokens, clock }: RecordingHandlerDeps): RecordingHandlers {
  function tokenOf({ id, visibility }: StoredRecording): string | undefined {
    return visibility === 'private' ? tokens.mint(id, new Date(clock.now() + DEFAULT_PLAYBACK_TOKEN_SECONDS * 1000)) : undefined;
  }

  async function view(recording: StoredRecording, origin: Origin) {
    const playback = recordingPlaybackOf(origin, recording, tokenOf(recording));
    const hasPoster = await recordings.hasPoster(recording);
    return viewRecording({ recording, playback, storage: recordings.storageOf(recording), task: recordings.taskOf(recording), hasPoster });
  }

  return {
    async listRecordings({ user, query, origin }) {
      const { items, nextCursor } = await recordings.list(user, query);
      return { items: await Promise.all(items.map((recording) => view(recording, origin))), nextCursor };
    },
    getRecording: async ({ user, params, origin }) => view(await recordings.owned(user, params.id), origin),
    async viewRecording({ user, params, query, origin }) {
      const { recording, isOwner, isByToken } = await recordings.watched(user, params.id, query.token);
      // A viewer's own token goes on as it is: it may not outlive what the owner gave.
      const token = recording.visibility === 'private' && isByToken ? query.token : tokenOf(recording);
      const playback = recordingPlaybackOf(origin, recording, token);
      return viewPublicRecording({ recording, isOwner, hasPoster: await recordings.hasPoster(recording), playback });
    },
    updateRecording: async ({ user, params, body, origin }) => view(await recordings.update(user, params.id, body), origin),
    async deleteRecording({ user, params }) {
      await recordings.remove(user, params.id);
      return undefined;
    },
    prepareDownload: ({ user, params }) => recordings.prepareDownload(user, params.id),
    async createRecordingToken({ user, params, body, origin }) {
      const recording = await recordings.owned(user, params.id);
      // Whole seconds: that is what the token holds.
      const expiresAt = new Date((Math.floor(clock.now() / 1000) + body.expiresInSeconds) * 1000);
      const token = tokens.mint(recording.id, expiresAt);
      return { token, expiresAt: expiresAt.toISOString(), playback: recordingPlaybackOf(origin, recording, token) };
    },
  };
}
