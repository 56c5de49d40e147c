/** Time as a dependency, so that tests can hold it still. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never go back; only differences mean anything. */
  monotonic(): number;
  /** Calls once after `ms`; does not keep the process alive. */
  after(ms: number, call: () => void): Timer;
  every(ms: number, call: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, call) {
    const handle = setTimeout(call, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, call) {
    const handle = setInterval(call, ms);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** A clock that moves only when told to; timers fire in order while it is moved. */
export class FakeClock implements Clock {
  #nowMs: number;
  #pending: { at: number; everyMs: number | undefined; call: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(ms: number, call: () => void): Timer {
    return this.#schedule(ms, undefined, call);
  }

  every(ms: number, call: () => void): Timer {
    return this.#schedule(ms, ms, call);
  }

  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const next = this.#pending.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#nowMs = next.at;
      if (next.everyMs === undefined) this.#pending = this.#pending.filter((timer) => timer !== next);
      else next.at += next.everyMs;
      next.call();
    }
    this.#nowMs = end;
  }

  #schedule(ms: number, everyMs: number | undefined, call: () => void): Timer {
    const timer = { at: this.#nowMs + ms, everyMs, call };
    this.#pending.push(timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  }
}
