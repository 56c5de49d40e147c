/** Processes that take what others leave of the processor. */
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_LOW } = constants.priority;

/** Of a process that leads a session, and its session's: Linux shares the processor out among sessions first (sched(7), autogroups), and each browser is one of its own. */
export function yieldProcessor(pid: number): void {
  setPriority(pid, PRIORITY_LOW);
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(PRIORITY_LOW));
  } catch {
    // A system without such groups: there the priority alone decides.
  }
}

/** Whether this process was told to: the sessions that it begins do not know by themselves. */
export function yieldsProcessor(): boolean {
  return getPriority() === PRIORITY_LOW;
}
