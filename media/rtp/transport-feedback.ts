/**
 * When the packets of a publisher came, told back to it, so that it finds out what its network carries before that loses anything. Source:
 * draft-holmer-rmcat-transport-wide-cc-extensions-01.
 */
import { putU16, putU24, putU32 } from '../big-endian.ts';
import { FeedbackFormat, RtcpType } from './rtcp.ts';
import { sequenceUnwrapper } from './sequence.ts';

/** The header extension in which packets are numbered across all sources. */
export const TRANSPORT_SEQUENCE_EXTENSION = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';

/** Arrivals that are kept: more than come between two messages at 50 Mbit/s. A power of two. */
const KEPT = 1_024;

/** What one message tells at most, lest it be longer than a datagram: at two bytes each and their list. */
const MAX_TOLD = 400;

const MICROS_PER_TICK = 250;
/** The reference time counts in 64 ms. */
const TICKS_PER_REFERENCE = 256;

const HEADER_BYTES = 20;

/** How each packet came: not at all, a little after the one before, or in another distance of it. */
const Status = { lost: 0, near: 1, far: 2 } as const;
type Status = (typeof Status)[keyof typeof Status];

/** Statuses of a chunk that lists them, and the most that one can repeat. */
const LISTED = 7;
const MAX_REPEATED = 0x1fff;

export class ArrivalLog {
  readonly #sequences = sequenceUnwrapper();
  /** Arrival of a number by its low bits, in ticks; the number itself beside it. */
  readonly #numbers = new Array<number>(KEPT).fill(Number.NaN);
  readonly #ticks = new Array<number>(KEPT).fill(0);
  /** The first that was not told, and the one behind the newest. */
  #from: number | undefined;
  #next = 0;
  #messages = 0;

  /** Takes a packet as it came. The first time counts. @param nowMicros on any clock that never goes back. */
  packet(sequence: number, nowMicros: number): void {
    // A span above, lest numbers from before the first be negative.
    const number = this.#sequences.next(sequence) + 0x1_0000;
    if (this.#from === undefined || number >= this.#next + KEPT) this.#from = number;
    // One that was told as lost is told anew, with what came after it. What is older is of no use to anybody.
    else if (number <= this.#next - KEPT) return;
    else if (number < this.#from) this.#from = number;
    this.#next = Math.max(this.#next, number + 1);
    this.#from = Math.max(this.#from, this.#next - KEPT);
    const at = number & (KEPT - 1);
    if (this.#numbers[at] === number) return;
    this.#numbers[at] = number;
    this.#ticks[at] = Math.floor(nowMicros / MICROS_PER_TICK);
  }

  /** What came since the last message, or a first part of it; undefined when nothing did. @param media any source of the publisher. */
  message(sender: number, media: number): Uint8Array | undefined {
    const from = this.#from ?? this.#next;
    let ticks: number | undefined;
    let reference = 0;
    const statuses: Status[] = [];
    const deltas: number[] = [];
    let number = from;
    for (; number < this.#next && number < from + MAX_TOLD; number++) {
      const arrived = this.#arrival(number);
      if (arrived === undefined) {
        statuses.push(Status.lost);
        continue;
      }
      if (ticks === undefined) {
        reference = Math.floor(arrived / TICKS_PER_REFERENCE);
        ticks = reference * TICKS_PER_REFERENCE;
      }
      const delta = arrived - ticks;
      // Further apart than can be told: a message of its own.
      if (delta < -0x8000 || delta > 0x7fff) break;
      statuses.push(delta >= 0 && delta <= 0xff ? Status.near : Status.far);
      deltas.push(delta);
      ticks = arrived;
    }
    this.#from = number;
    if (deltas.length === 0) return undefined;
    return writeMessage({ sender, media, first: from, count: this.#messages++, reference, statuses, deltas });
  }

  #arrival(number: number): number | undefined {
    const at = number & (KEPT - 1);
    return this.#numbers[at] === number ? this.#ticks[at] : undefined;
  }
}

interface Message {
  readonly sender: number;
  readonly media: number;
  readonly first: number;
  readonly count: number;
  readonly reference: number;
  readonly statuses: readonly Status[];
  /** Of those that came. */
  readonly deltas: readonly number[];
}

function writeMessage({ sender, media, first, count, reference, statuses, deltas }: Message): Uint8Array {
  const chunks = chunksOf(statuses);
  const deltaBytes = deltas.reduce((sum, delta) => sum + (isNear(delta) ? 1 : 2), 0);
  const bytes = HEADER_BYTES + chunks.length * 2 + deltaBytes;
  const padding = (4 - (bytes % 4)) % 4;
  const packet = new Uint8Array(bytes + padding);
  packet[0] = 0x80 | (padding > 0 ? 0x20 : 0) | FeedbackFormat.transportWide;
  packet[1] = RtcpType.transportFeedback;
  putU16(packet, 2, packet.length / 4 - 1);
  putU32(packet, 4, sender);
  putU32(packet, 8, media);
  putU16(packet, 12, first & 0xffff);
  putU16(packet, 14, statuses.length);
  putU24(packet, 16, reference & 0xff_ffff);
  packet[19] = count & 0xff;
  let at = HEADER_BYTES;
  for (const chunk of chunks) {
    putU16(packet, at, chunk);
    at += 2;
  }
  for (const delta of deltas) {
    if (isNear(delta)) packet[at++] = delta;
    else {
      putU16(packet, at, delta & 0xffff);
      at += 2;
    }
  }
  if (padding > 0) packet[packet.length - 1] = padding;
  return packet;
}

function isNear(delta: number): boolean {
  return delta >= 0 && delta <= 0xff;
}

/** Repetitions where they are longer than a list. */
function chunksOf(statuses: readonly Status[]): number[] {
  const chunks: number[] = [];
  let at = 0;
  while (at < statuses.length) {
    const status = statuses[at] ?? Status.lost;
    let end = at + 1;
    while (end < statuses.length && statuses[end] === status && end - at < MAX_REPEATED) end++;
    if (end - at >= LISTED || end === statuses.length) {
      chunks.push((status << 13) | (end - at));
      at = end;
      continue;
    }
    let list = 0xc000;
    for (let i = 0; i < LISTED; i++) list |= (statuses[at + i] ?? Status.lost) << (12 - 2 * i);
    chunks.push(list);
    at += LISTED;
  }
  return chunks;
}
