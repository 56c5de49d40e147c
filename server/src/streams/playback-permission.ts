/** Says who may watch a stream: the answer to every output, and to whoever asks by code. */
import type { PlaybackCredentials, PlaybackDecision, PlaybackGate } from '../stream/playback-gate.ts';
import { Admission, type AdmissionDeps } from './admission.ts';
import type { KnownStream, StreamDirectory } from './directory.ts';
import type { MediaPort } from './media-port.ts';

export interface PlaybackPermissionDeps extends AdmissionDeps {
  readonly directory: StreamDirectory;
  readonly media: MediaPort;
}

export class PlaybackPermission implements PlaybackGate {
  readonly #deps: PlaybackPermissionDeps;
  readonly #admission: Admission;

  constructor(deps: PlaybackPermissionDeps) {
    this.#deps = deps;
    this.#admission = new Admission(deps);
  }

  check(streamId: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    const known = this.#deps.directory.byId(streamId);
    return known instanceof Promise ? known.then(({ stream }) => this.#decide(stream, credentials)) : this.#decide(known.stream, credentials);
  }

  #decide(stream: KnownStream | undefined, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    if (!stream) return 'hidden';
    return this.#admission.decide(stream, credentials, isPreview(this.#deps.media, stream.id) ? { refusal: 'hidden', unseen: true } : { refusal: 'denied' });
  }
}

/** Media arrives but viewers have not been let in; also while its publisher is away. */
export function isPreview(media: MediaPort, streamId: string): boolean {
  const broadcast = media.broadcast(streamId);
  return broadcast !== undefined && broadcast.state !== 'ended' && broadcast.startedAt === null;
}
