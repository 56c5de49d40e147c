/** Waiting for something to become true, with a sentence when it does not. The only way the end-to-end tests wait. */

export interface UntilOptions {
  /** Completes "Waited 5000 ms for …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Default 100: to ask a page costs it and the test some milliseconds. */
  readonly everyMs?: number;
  /** Said with the failure: what was seen instead. */
  readonly seen?: () => string | Promise<string>;
}

/** Asks again and again until `check` gives neither undefined, null nor false. A check that throws counts as "not yet". */
export async function until<T>(check: () => T | Promise<T>, options: UntilOptions): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + options.timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await check();
      failure = undefined;
      if (isThere(value)) return value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= deadline) {
      const seen = options.seen ? `; saw ${await options.seen()}` : '';
      throw new Error(`Waited ${options.timeoutMs} ms for ${options.what}${seen}`, { cause: failure });
    }
    await pause(options.everyMs ?? 100);
  }
}

/** Rejects with a sentence when `promise` takes longer. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isThere<T>(value: T): value is NonNullable<Exclude<T, false>> {
  return value !== undefined && value !== null && value !== false;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
