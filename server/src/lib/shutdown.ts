/** Stops the server in order, within a deadline: publishers told, playlists ended, sockets closed, database last. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface ShutdownDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** When the stop takes longer, it ends where it is. */
  readonly deadlineMs: number;
  /** Ends the process. */
  exit(code: number): void;
}

interface Step {
  readonly name: string;
  stop(): void | Promise<void>;
}

export class Shutdown {
  readonly #deps: ShutdownDeps;
  readonly #steps: Step[] = [];
  #isStopping = false;

  constructor(deps: ShutdownDeps) {
    this.#deps = deps;
  }

  /** True from the first request to stop. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Adds a step, to run after those added before. */
  add(name: string, stop: () => void | Promise<void>): void {
    this.#steps.push({ name, stop });
  }

  /** The first call stops in order, a second one (an impatient operator) at once. A step that fails does not hold up the next. */
  async stop(reason: string): Promise<void> {
    const { clock, log, deadlineMs, exit } = this.#deps;
    if (this.#isStopping) {
      log.warn({ reason }, 'asked to stop again: stopping at once');
      exit(1);
      return;
    }
    this.#isStopping = true;
    log.info({ reason }, 'stopping');
    let current = '';
    let isLate = false;
    const deadline = clock.after(deadlineMs, () => {
      isLate = true;
      log.error({ step: current, deadlineMs }, 'the stop took too long');
      exit(1);
    });
    let failed = 0;
    for (const { name, stop } of this.#steps) {
      current = name;
      try {
        await stop();
      } catch (error) {
        failed++;
        log.error({ err: error, step: name }, 'a step of the stop failed');
      }
      if (isLate) return;
    }
    deadline.cancel();
    log.info({ failed }, 'stopped');
    exit(failed === 0 ? 0 : 1);
  }
}
