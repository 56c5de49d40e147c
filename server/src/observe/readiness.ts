/** Whether this server should get requests: not while it starts or stops, not without its database or its listeners. */
import type { Clock } from '../lib/clock.ts';

export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when all is well; throws the reason otherwise. */
  check(): void | Promise<void>;
}

export interface ReadinessReport {
  readonly ready: boolean;
  /** In sentences; empty when ready. */
  readonly reasons: readonly string[];
}

export interface ReadinessDeps {
  readonly clock: Clock;
  readonly checks: readonly ReadinessCheck[];
}

/** A check that takes longer has failed: the prober would not wait either. */
const CHECK_TIMEOUT_MS = 2_000;

export class Readiness {
  readonly #deps: ReadinessDeps;
  #phase: 'starting' | 'serving' | 'stopping' = 'starting';
  #asking: Promise<ReadinessReport> | undefined;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
  }

  serving(): void {
    this.#phase = 'serving';
  }

  stopping(): void {
    this.#phase = 'stopping';
  }

  /** Many probers at once cost one round of checks. */
  report(): Promise<ReadinessReport> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<ReadinessReport> {
    switch (this.#phase) {
      case 'starting':
        return { ready: false, reasons: ['The server is starting.'] };
      case 'stopping':
        return { ready: false, reasons: ['The server is stopping.'] };
      case 'serving': {
        const results = await Promise.all(this.#deps.checks.map((check) => failureOf(check, this.#deps.clock)));
        const reasons = results.filter((reason) => reason !== undefined);
        return { ready: reasons.length === 0, reasons };
      }
    }
  }
}

function failureOf({ name, check }: ReadinessCheck, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(CHECK_TIMEOUT_MS, () => resolve(`${name}: no answer within ${CHECK_TIMEOUT_MS} ms`));
    Promise.resolve()
      .then(check)
      .then(
        () => resolve(undefined),
        (error) => resolve(`${name}: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => timer.cancel());
  });
}
