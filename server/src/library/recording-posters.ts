/** Which recordings have a picture of their own: sound alone has none. */
import type { Clock } from '../lib/clock.ts';
import { Recent } from '../lib/recent.ts';
import type { StoredFiles } from '../lib/stored-files.ts';
import type { StoredRecording } from '../store/recordings.ts';

export interface RecordingPostersDeps {
  readonly clock: Clock;
  filesOf(id: string): Pick<StoredFiles, 'has'>;
  /** Where it is in a recording. */
  readonly path: string;
  /** It cannot be read from here now. */
  isElsewhere(recording: StoredRecording): boolean;
}

/** Nothing is added to a recording that is ready: what was found stays so. */
const LIMITS = { maxEntries: 10_000, maxAgeMs: 3600_000 } as const;

export class RecordingPosters {
  readonly #deps: RecordingPostersDeps;
  readonly #known: Recent<boolean>;

  constructor(deps: RecordingPostersDeps) {
    this.#deps = deps;
    this.#known = new Recent(LIMITS, deps.clock);
  }

  async has(recording: StoredRecording): Promise<boolean> {
    const { filesOf, path, isElsewhere } = this.#deps;
    if (recording.state !== 'ready' || isElsewhere(recording)) return false;
    return this.#known.get(recording.id) ?? this.#known.load(recording.id, () => filesOf(recording.id).has(path));
  }
}
