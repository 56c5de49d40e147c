/** Says who may watch a recording, and what its download is called: the answers to the output that plays it. */
import type { StoredRecording } from '../store/recordings.ts';
import type { PlaybackCredentials, PlaybackDecision, PlaybackGate } from '../stream/playback-gate.ts';
import { Admission, type AdmissionDeps } from '../streams/admission.ts';
import type { RecordingDirectory } from './recording-directory.ts';

export interface RecordingPermissionDeps extends AdmissionDeps {
  readonly directory: RecordingDirectory;
}

export class RecordingPermission implements PlaybackGate {
  readonly #directory: RecordingDirectory;
  readonly #admission: Admission;

  constructor({ directory, ...deps }: RecordingPermissionDeps) {
    this.#directory = directory;
    this.#admission = new Admission(deps);
  }

  check(id: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    const known = this.#directory.byId(id);
    return known instanceof Promise ? known.then(({ recording }) => this.#decide(recording, credentials)) : this.#decide(known.recording, credentials);
  }

  /** The title; undefined when there is nothing to play. */
  async titleOf(id: string): Promise<string | undefined> {
    const { recording } = await this.#directory.byId(id);
    return recording?.state === 'ready' ? recording.title : undefined;
  }

  #decide(recording: StoredRecording | undefined, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    return recording ? this.#admission.decide(recording, credentials, { refusal: 'hidden' }) : 'hidden';
  }
}
