/** What takes long with recordings, and how far it has come. What is done within a second is nobody's business. */
import type { RecordingTask } from '@millrace/contract/entities/recording';
import type { Clock } from '../lib/clock.ts';
import type { Progress } from '../lib/progress.ts';

export interface RecordingTasksDeps {
  readonly clock: Clock;
  /** What `of` says of this recording is something else now. */
  progressed(id: string): void;
}

/** A page that shows a bar for less would only flicker. */
const LONG_MS = 1_000;

interface Running {
  readonly kind: RecordingTask['kind'];
  readonly beganAt: number;
  share: number;
  /** Where the work began, after a wait for its turn. */
  from: { readonly at: number; readonly share: number } | undefined;
}

export class RecordingTasks {
  readonly #deps: RecordingTasksDeps;
  readonly #tasks = new Map<string, Running>();

  constructor(deps: RecordingTasksDeps) {
    this.#deps = deps;
  }

  /** One task a recording: a later one takes the place of an earlier. */
  begin(id: string, kind: RecordingTask['kind']): Progress {
    const { clock, progressed } = this.#deps;
    const task: Running = { kind, beganAt: clock.monotonic(), share: 0, from: undefined };
    this.#tasks.set(id, task);
    const tell = (): void => {
      if (this.#tasks.get(id) === task && this.#isLong(task)) progressed(id);
    };
    const timer = clock.after(LONG_MS, tell);
    return {
      advance: (share) => {
        task.share = Math.min(1, Math.max(0, share));
        task.from ??= { at: clock.monotonic(), share: task.share };
        tell();
      },
      end: () => {
        timer.cancel();
        if (this.#tasks.get(id) !== task) return;
        this.#tasks.delete(id);
        if (this.#isLong(task)) progressed(id);
      },
    };
  }

  /** Null while there is nothing that takes long. */
  of(id: string): RecordingTask | null {
    const task = this.#tasks.get(id);
    if (!task || !this.#isLong(task)) return null;
    const { kind, share } = task;
    return { kind, share, secondsLeft: this.#secondsLeft(task) };
  }

  #isLong({ beganAt }: Running): boolean {
    return this.#deps.clock.monotonic() - beganAt >= LONG_MS;
  }

  #secondsLeft({ share, from }: Running): number | null {
    if (!from || share <= from.share) return null;
    const seconds = (this.#deps.clock.monotonic() - from.at) / 1000;
    return Math.ceil((seconds * (1 - share)) / (share - from.share));
  }
}
