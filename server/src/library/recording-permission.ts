/** Says who may watch a recording, and what its download is called: the answers to the output that plays it. */
import type { User } from '@millrace/contract/entities/user';
import type { Clock } from '../lib/clock.ts';
import type { StoredRecording } from '../store/recordings.ts';
import type { PlaybackCredentials, PlaybackDecision, PlaybackGate } from '../stream/playback-gate.ts';
import type { PlaybackTokens } from '../streams/playback-tokens.ts';
import type { RecordingDirectory } from './recording-directory.ts';

export interface RecordingPermissionDeps {
  readonly directory: RecordingDirectory;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
  /** Whether its files cannot be had from here. */
  isElsewhere(recording: StoredRecording): boolean;
  identify(credentials: { readonly cookie: string | undefined; readonly authorization: string | undefined }): User | undefined | Promise<User | undefined>;
}

export class RecordingPermission implements PlaybackGate {
  readonly #deps: RecordingPermissionDeps;

  constructor(deps: RecordingPermissionDeps) {
    this.#deps = deps;
  }

  check(id: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    const known = this.#deps.directory.byId(id);
    return known instanceof Promise ? known.then(({ recording }) => this.#decide(recording, credentials)) : this.#decide(known.recording, credentials);
  }

  /** Its title, or why it cannot be played. */
  async lookUp(id: string): Promise<{ readonly title: string } | { readonly problem: 'recording_not_ready' | 'on_another_server' }> {
    const { recording } = await this.#deps.directory.byId(id);
    if (recording?.state !== 'ready') return { problem: 'recording_not_ready' };
    return this.#deps.isElsewhere(recording) ? { problem: 'on_another_server' } : { title: recording.title };
  }

  #decide(recording: StoredRecording | undefined, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    if (!recording) return 'hidden';
    const { tokens, clock, identify } = this.#deps;
    if (recording.visibility !== 'private') return 'allowed';
    if (credentials.token !== undefined && tokens.isValid(credentials.token, recording.id, clock.now())) return 'allowed';
    const decide = (user: User | undefined): PlaybackDecision => (user?.id === recording.ownerId ? 'allowed' : 'hidden');
    const user = identify(credentials);
    return user instanceof Promise ? user.then(decide) : decide(user);
  }
}
