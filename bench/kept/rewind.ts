/** What a broadcast holds in memory while its viewers may go back two hours, and how soon a recording as long can be played. */
import { join } from 'node:path';
import { Child } from '../../e2e/harness/child.ts';
import { ROOT } from '../../e2e/harness/folder.ts';
import { within } from '../../e2e/harness/until.ts';

/** Hours of media are written in it. */
const TIMEOUT_MS = 20 * 60_000;

export interface RewindMemory {
  readonly minutes: number;
  /** Above that of the process before the broadcast. */
  readonly megabytes: number;
}

export interface RewindResult {
  readonly memory: readonly RewindMemory[];
  readonly recording: LongRecording;
}

export interface LongRecording {
  readonly minutes: number;
  readonly segments: number;
  /** Until everything of it is on disk. */
  readonly readyMs: number;
  readonly playableMs: number;
}

export async function measureRewind(minutes: readonly number[]): Promise<RewindResult> {
  await using child = new Child(process.execPath, ['--expose-gc', '--disable-warning=ExperimentalWarning', join(ROOT, 'bench/kept/long-broadcast.ts'), ...minutes.map(String)]);
  const { code } = await within(child.exited, TIMEOUT_MS, 'a long broadcast');
  if (code !== 0) throw new Error(`the long broadcast ended with ${code}: ${child.tail()}`);
  const lines = child.stdout.map((line) => JSON.parse(line));
  const recording: LongRecording = lines.pop();
  const [before, ...marks]: { minutes: number; bytes: number }[] = lines;
  return { memory: marks.map(({ minutes, bytes }) => ({ minutes, megabytes: (bytes - (before?.bytes ?? 0)) / 2 ** 20 })), recording };
}
