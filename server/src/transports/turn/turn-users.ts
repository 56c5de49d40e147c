/** What each user holds of the relay: so many allocations, so many bytes a second. */
import type { Clock } from '../../lib/clock.ts';
import { TurnError } from './turn-error.ts';

export interface TurnLimits {
  /** Relays that one user may have at once: four cameras with two paths each, and reconnecting. */
  readonly allocationsPerUser: number;
  readonly allocations: number;
  /** Relayed bytes a second, both directions together. */
  readonly userBytesPerSecond: number;
}

/** How much may come at once: key frames are bursts. */
const BURST_SECONDS = 2;

export class TurnUser {
  readonly name: string;
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  #held = 0;
  #credit: number;
  #at: number;

  constructor(name: string, { clock, bytesPerSecond }: { readonly clock: Clock; readonly bytesPerSecond: number }) {
    this.name = name;
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#credit = bytesPerSecond * BURST_SECONDS;
    this.#at = clock.monotonic();
  }

  get held(): number {
    return this.#held;
  }

  add(change: 1 | -1): void {
    this.#held += change;
  }

  /** False when the bytes exceed the user's bandwidth: they are dropped. */
  takeBytes(count: number): boolean {
    const now = this.#clock.monotonic();
    this.#credit = Math.min(this.#bytesPerSecond * BURST_SECONDS, this.#credit + ((now - this.#at) / 1000) * this.#bytesPerSecond);
    this.#at = now;
    if (this.#credit < count) return false;
    this.#credit -= count;
    return true;
  }
}

export class TurnUsers {
  readonly #limits: TurnLimits;
  readonly #clock: Clock;
  readonly #users = new Map<string, TurnUser>();
  #held = 0;

  constructor(limits: TurnLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes a place for one relay. Throws TurnError 486 when the user or the server has none left. */
  hold(name: string): TurnUser {
    const user = this.#users.get(name) ?? new TurnUser(name, { clock: this.#clock, bytesPerSecond: this.#limits.userBytesPerSecond });
    if (user.held >= this.#limits.allocationsPerUser) throw new TurnError(486, 'user_quota');
    if (this.#held >= this.#limits.allocations) throw new TurnError(486, 'total_quota');
    this.#users.set(name, user);
    user.add(1);
    this.#held++;
    return user;
  }

  release(user: TurnUser): void {
    user.add(-1);
    this.#held--;
    if (user.held === 0) this.#users.delete(user.name);
  }
}
