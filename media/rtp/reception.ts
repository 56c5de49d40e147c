/** What our reports tell a sender of what came of it: loss, highest number, jitter. Source: RFC 3550 §6.4.1, §A.3, §A.8. */
import { Unwrapper } from '../time.ts';
import type { RtpPacket } from './packet.ts';
import type { ReceptionReport, SenderReport } from './rtcp.ts';

const MICROS = 1_000_000;

/** Jitter moves by this part of each difference. */
const JITTER_GAIN = 1 / 16;

export class Reception {
  readonly #ssrc: number;
  readonly #clockRate: number;
  readonly #sequences = new Unwrapper(16);
  #first: number | undefined;
  #highest = 0;
  #received = 0;
  /** As they stood at the last report. */
  #expectedBefore = 0;
  #receivedBefore = 0;
  #jitter = 0;
  #lastTransit: number | undefined;
  #lastReport: { readonly middleNtp: number; readonly atMicros: number } | undefined;

  /** @param clockRate of the source's timestamps. */
  constructor(ssrc: number, clockRate: number) {
    this.#ssrc = ssrc;
    this.#clockRate = clockRate;
  }

  /** Takes a packet as it arrived, retransmissions left out. */
  packet({ sequence, timestamp }: Pick<RtpPacket, 'sequence' | 'timestamp'>, nowMicros: number): void {
    const number = this.#sequences.next(sequence);
    this.#first ??= number;
    this.#highest = Math.max(number, this.#received === 0 ? number : this.#highest);
    this.#received++;
    const transit = (Math.round((nowMicros * this.#clockRate) / MICROS) - timestamp) | 0;
    if (this.#lastTransit !== undefined) this.#jitter += (Math.abs((transit - this.#lastTransit) | 0) - this.#jitter) * JITTER_GAIN;
    this.#lastTransit = transit;
  }

  /** Takes the source's own report, which ours will answer. */
  senderReport({ middleNtp }: Pick<SenderReport, 'middleNtp'>, nowMicros: number): void {
    this.#lastReport = { middleNtp, atMicros: nowMicros };
  }

  /** The block for the next report; undefined when nothing came yet. */
  report(nowMicros: number): ReceptionReport | undefined {
    if (this.#first === undefined) return undefined;
    const expected = this.#highest - this.#first + 1;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    const held = this.#lastReport ? nowMicros - this.#lastReport.atMicros : 0;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedNow > 0 && lostNow > 0 ? Math.min(255, Math.floor((lostNow * 256) / expectedNow)) : 0,
      cumulativeLost: expected - this.#received,
      highestSequence: this.#highest % 0x1_0000_0000,
      jitter: Math.round(this.#jitter),
      lastReport: this.#lastReport?.middleNtp ?? 0,
      delaySinceLastReport: Math.min(0xffffffff, Math.round((held * 0x1_0000) / MICROS)),
    };
  }
}
