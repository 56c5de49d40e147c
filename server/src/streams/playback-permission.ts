/** Says who may watch a stream: the answer to every output, and to whoever asks by code. */
import type { User } from '@millrace/contract/entities/user';
import type { Clock } from '../lib/clock.ts';
import type { PlaybackCredentials, PlaybackDecision, PlaybackGate } from '../stream/playback-gate.ts';
import type { KnownStream, StreamDirectory } from './directory.ts';
import type { MediaPort } from './media-port.ts';
import type { PlaybackTokens } from './playback-tokens.ts';

export interface PlaybackPermissionDeps {
  readonly directory: StreamDirectory;
  readonly media: MediaPort;
  readonly tokens: PlaybackTokens;
  readonly clock: Clock;
  identify(credentials: { readonly cookie: string | undefined; readonly authorization: string | undefined }): User | undefined | Promise<User | undefined>;
}

export class PlaybackPermission implements PlaybackGate {
  readonly #deps: PlaybackPermissionDeps;

  constructor(deps: PlaybackPermissionDeps) {
    this.#deps = deps;
  }

  check(streamId: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    const known = this.#deps.directory.byId(streamId);
    return known instanceof Promise ? known.then(({ stream }) => this.#decide(stream, credentials)) : this.#decide(known.stream, credentials);
  }

  #decide(stream: KnownStream | undefined, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    if (!stream) return 'hidden';
    const { tokens, clock, identify } = this.#deps;
    const preview = isPreview(this.#deps.media, stream.id);
    if (!preview) {
      if (stream.visibility !== 'private') return 'allowed';
      if (credentials.token !== undefined && tokens.isValid(credentials.token, stream.id, clock.now())) return 'allowed';
    }
    const refusal = preview ? 'hidden' : 'denied';
    const decide = (user: User | undefined): PlaybackDecision => (user?.id === stream.ownerId ? 'allowed' : refusal);
    const user = identify(credentials);
    return user instanceof Promise ? user.then(decide) : decide(user);
  }
}

/** Media arrives but viewers have not been let in; also while its publisher is away. */
export function isPreview(media: MediaPort, streamId: string): boolean {
  const broadcast = media.broadcast(streamId);
  return broadcast !== undefined && broadcast.state !== 'ended' && broadcast.startedAt === null;
}
