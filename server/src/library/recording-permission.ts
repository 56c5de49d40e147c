/** Says who may watch a recording, and what its download is called: the answers to the output that plays it. */
import type { StoredRecording } from '../store/recordings.ts';
import type { PlaybackCredentials, PlaybackDecision, PlaybackGate } from '../stream/playback-gate.ts';
import { Admission, type AdmissionDeps } from '../streams/admission.ts';
import type { RecordingDirectory } from './recording-directory.ts';

export interface RecordingPermissionDeps extends AdmissionDeps {
  readonly directory: RecordingDirectory;
  /** Whether its files cannot be had from here. */
  isElsewhere(recording: StoredRecording): boolean;
}

export class RecordingPermission implements PlaybackGate {
  readonly #directory: RecordingDirectory;
  readonly #isElsewhere: RecordingPermissionDeps['isElsewhere'];
  readonly #admission: Admission;

  constructor({ directory, isElsewhere, ...deps }: RecordingPermissionDeps) {
    this.#directory = directory;
    this.#isElsewhere = isElsewhere;
    this.#admission = new Admission(deps);
  }

  check(id: string, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    const known = this.#directory.byId(id);
    return known instanceof Promise ? known.then(({ recording }) => this.#decide(recording, credentials)) : this.#decide(known.recording, credentials);
  }

  /** Its title, or why it cannot be played. */
  async lookUp(id: string): Promise<{ readonly title: string } | { readonly problem: 'recording_not_ready' | 'on_another_server' }> {
    const { recording } = await this.#directory.byId(id);
    if (recording?.state !== 'ready') return { problem: 'recording_not_ready' };
    return this.#isElsewhere(recording) ? { problem: 'on_another_server' } : { title: recording.title };
  }

  #decide(recording: StoredRecording | undefined, credentials: PlaybackCredentials): PlaybackDecision | Promise<PlaybackDecision> {
    return recording ? this.#admission.decide(recording, credentials, { refusal: 'hidden' }) : 'hidden';
  }
}
