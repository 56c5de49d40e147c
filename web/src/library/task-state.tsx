/** How far something is that takes long with a recording: its repair after a crash, its MP4. */
import type { RecordingTask } from '@millrace/contract/entities/recording';
import { elapsed, percent } from '../text/format.ts';
import { t } from '../text/text.ts';
import { ProgressBar } from './progress-bar.tsx';

export interface TaskStateProps {
  readonly title: string;
  readonly kind: RecordingTask['kind'];
  /** Null while it cannot be told how far it is. */
  readonly task: RecordingTask | null;
}

export function TaskState({ title, kind, task }: TaskStateProps) {
  return <ProgressBar label={t(`library.task.${kind}`, { title })} share={task?.share ?? null} line={lineOf(kind, task)} />;
}

function lineOf(kind: RecordingTask['kind'], task: RecordingTask | null): string {
  // Nobody is told "0%" of what waits for its turn.
  if (task === null || task.share === 0) return t(`library.task.${kind}.begun`);
  const share = percent(task.share);
  return task.secondsLeft === null ? t(`library.task.${kind}.share`, { share }) : t(`library.task.${kind}.left`, { share, left: elapsed(task.secondsLeft * 1000) });
}
