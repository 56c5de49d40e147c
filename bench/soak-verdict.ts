/** Whether memory returned to its level. Pure. */

export interface MemorySample {
  readonly atSeconds: number;
  readonly bytes: number;
}

export interface Soak {
  /** Without viewers, before and after. */
  readonly level: number;
  readonly after: number;
  /** While viewers came and went. */
  readonly during: readonly MemorySample[];
}

/** What the allocator and the garbage collector move by from rest to rest. A leak of one viewer's connection each visit is above it within minutes. */
const TOLERANCE_BYTES = 32 * 2 ** 20;

export function judgeSoak({ level, after, during }: Soak): { readonly returned: boolean; readonly text: string } {
  const returned = after <= level + TOLERANCE_BYTES;
  const difference = `${signed((after - level) / 2 ** 20)} MB`;
  const trend = `the second half of the time had a trend of ${signed(perHour(during.slice(during.length >> 1)) / 2 ** 20)} MB an hour`;
  const allowed = `${TOLERANCE_BYTES / 2 ** 20} MB`;
  const text = returned
    ? `Memory returned to its level: ${difference}, of ${allowed} allowed; ${trend}.`
    : `Memory did NOT return to its level: ${difference}, where ${allowed} are allowed; ${trend}.`;
  return { returned, text };
}

/** Slope of the straight line that fits best. */
function perHour(samples: readonly MemorySample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const middleTime = samples.reduce((sum, { atSeconds }) => sum + atSeconds, 0) / count;
  const middleBytes = samples.reduce((sum, { bytes }) => sum + bytes, 0) / count;
  let [over, under] = [0, 0];
  for (const { atSeconds, bytes } of samples) {
    over += (atSeconds - middleTime) * (bytes - middleBytes);
    under += (atSeconds - middleTime) ** 2;
  }
  return under === 0 ? 0 : (over / under) * 3_600;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
}
