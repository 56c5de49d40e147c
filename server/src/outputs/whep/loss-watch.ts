/** Whether a viewer's network carries what it is sent, by the viewer's reports. What was sent again and came is no loss. Pure: times are passed in. */
import type { ReceptionReport } from '@millrace/media/rtp/rtcp';

/** Reports come as often as every few packets, of which one burst is a third: what is judged is longer. */
const WINDOW_MS = 1_500;
const WINDOW_PACKETS = 20;

/** Above the first the network is given less, below the second it gets everything again. */
const TOO_MUCH_LOSS = 0.2;
const LITTLE_LOSS = 0.03;

/** Windows in a row: after an outage the first is full of what was lost in it. */
const WINDOWS_TO_BELIEVE = 2;

export interface LossWatchOptions {
  /** Whether reports count what was lost and came again as lost: receivers of a stream of its own for such packets (RFC 4588) do. */
  readonly countsRepaired: boolean;
}

interface Mark {
  readonly atMs: number;
  readonly highest: number;
  readonly lost: number;
}

export class LossWatch {
  readonly #countsRepaired: boolean;
  #mark: Mark | undefined;
  #lossyWindows = 0;
  #isOverloaded = false;

  constructor({ countsRepaired }: LossWatchOptions) {
    this.#countsRepaired = countsRepaired;
  }

  /** True while the network loses too much of what it is given. */
  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  report({ highestSequence: highest, cumulativeLost: lost }: Pick<ReceptionReport, 'highestSequence' | 'cumulativeLost'>, nowMs: number): void {
    const mark = this.#mark;
    const expected = highest - (mark?.highest ?? highest);
    if (!mark || expected < 0) this.#mark = { atMs: nowMs, highest, lost };
    else if (nowMs - mark.atMs >= WINDOW_MS && expected >= WINDOW_PACKETS) {
      this.#mark = { atMs: nowMs, highest, lost };
      const share = (lost - mark.lost) / expected;
      // Of what is sent again, as much is lost again.
      this.#judge(this.#countsRepaired ? Math.max(0, share) ** 2 : share);
    }
  }

  #judge(share: number): void {
    this.#lossyWindows = share > TOO_MUCH_LOSS ? this.#lossyWindows + 1 : 0;
    if (this.#lossyWindows >= WINDOWS_TO_BELIEVE) this.#isOverloaded = true;
    else if (share < LITTLE_LOSS) this.#isOverloaded = false;
  }
}
