/** What a process and its descendants spend: CPU time and resident memory, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux's USER_HZ, fixed for every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

const PAGE_BYTES = 4096;

export interface Cost {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** The cost so far of `pid` and all that descend from it. */
export function costOf(pid: number): Cost {
  let cpuSeconds = 0;
  let residentBytes = 0;
  for (const member of family(pid)) {
    cpuSeconds += cpuOf(member);
    residentBytes += residentOf(member);
  }
  return { cpuSeconds, residentBytes };
}

/** CPU as a share of one core, and memory at the end, over `seconds`. */
export async function measure(pid: number, seconds: number): Promise<{ readonly share: number; readonly residentBytes: number }> {
  const before = costOf(pid);
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = costOf(pid);
  const elapsed = (performance.now() - started) / 1000;
  return { share: (after.cpuSeconds - before.cpuSeconds) / elapsed, residentBytes: after.residentBytes };
}

function family(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(fieldsOf(Number(name))?.[1]);
    const siblings = children.get(parent);
    if (siblings) siblings.push(Number(name));
    else children.set(parent, [Number(name)]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

// The scheduler counts nanoseconds per thread; the kernel's ticks of 10 ms are too coarse for one publisher, but count threads that ended.
function cpuOf(pid: number): number {
  const fields = fieldsOf(pid);
  if (!fields) return 0;
  const ticks = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  try {
    const nanoseconds = readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
    return nanoseconds > 0 ? nanoseconds / 1e9 : ticks;
  } catch {
    return ticks;
  }
}

function residentOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

// After the command's name, which may hold spaces: state, parent, …; utime and stime are the 12th and 13th of these.
function fieldsOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
