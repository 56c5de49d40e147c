/** One viewer's way through a packet log: where it is, what it was sent under which number, when it must skip. Pure but for `send`. */
import { sequenceDistance } from '@millrace/media/rtp/sequence';
import { type LoggedPacket, type PacketLog, stampPacket } from './packet-log.ts';

/** A viewer who joins gets the running group of pictures at once; its frames are shown in so much less time, so that live is not behind. */
const CATCH_UP_SPEED = 32;

/** Sound that comes too late for its picture when it begins is left out for so long; sound that always does is better than none. */
const MAX_LATE_PACKETS = 250;

/** Skips that are remembered, for packets asked for again from before them. */
const MAX_RUNS = 8;

export interface TrackFeedOptions {
  readonly log: PacketLog;
  readonly payloadType: number;
  /** Sequence number of its first packet, below 2^15 lest loss at the start be taken for a wrap. */
  readonly firstSequence: number;
  send(packet: Buffer): boolean;
  /** True for sound whose picture was shown a while ago, as a bridge makes when it starts: a player would keep the delay. */
  isLate?(seconds: number): boolean;
}

/** Packets sent one after the other in the log: the first's number in the log, and how many were sent before it. */
interface Run {
  readonly number: number;
  readonly sentBefore: number;
}

export class TrackFeed {
  readonly log: PacketLog;
  readonly #payloadType: number;
  readonly #firstSequence: number;
  readonly #send: (packet: Buffer) => boolean;
  #runs: Run[] = [];
  /** Number of the next packet in the log; undefined while a key frame is waited for. */
  #cursor: number | undefined;
  /** A key frame before this is no place to begin. */
  #keyFrom = 0;
  /** Timestamps of packets before this number are moved towards `#joinTime`. */
  #joinedAt = 0;
  #joinTime = 0;
  #packets = 0;
  #octets = 0;
  #skipped = 0;
  #keyFramesOnly = false;
  readonly #isLate: ((seconds: number) => boolean) | undefined;
  #latePackets = 0;

  constructor({ log, payloadType, firstSequence, send, isLate }: TrackFeedOptions) {
    this.log = log;
    this.#payloadType = payloadType;
    this.#firstSequence = firstSequence;
    this.#send = send;
    this.#isLate = isLate;
    this.#joinedAt = log.next;
    this.#joinTime = log.packet(log.next - 1)?.time ?? 0;
    if (log.kind === 'audio') this.#cursor = log.next;
    if (log.kind === 'audio') this.#beginRun(log.next);
  }

  /** What sender reports tell. */
  get sent(): { readonly packets: number; readonly octets: number } {
    return { packets: this.#packets, octets: this.#octets };
  }

  /** Packets left out for a viewer whose network cannot take them. */
  get skipped(): number {
    return this.#skipped;
  }

  /** True while the viewer sees nothing until the next key frame. */
  get needsKeyFrame(): boolean {
    return this.#cursor === undefined;
  }

  /** On a network too slow for everything, key frames alone still show what happens. */
  set keyFramesOnly(only: boolean) {
    this.#keyFramesOnly = only && this.log.kind === 'video';
  }

  /** What follows does not continue what was. */
  awaitKeyFrame(): void {
    if (this.log.kind === 'audio') return;
    this.#cursor = undefined;
    this.#keyFrom = this.log.next;
  }

  /** Sends what there is, at most `budget` packets. Returns how much of the budget is left; 0: call again soon. */
  pump(budget: number): number {
    const { log } = this;
    let left = budget;
    while (left > 0) {
      const cursor = this.#cursor ?? this.#begin();
      if (cursor === undefined || cursor >= log.next) return left;
      const packet = log.packet(cursor);
      if (!packet) {
        // The log has moved on without this viewer.
        this.#skipped += log.oldest - cursor;
        this.#skip();
        continue;
      }
      if (this.#keyFramesOnly && cursor >= log.key.end) {
        this.#skip();
        continue;
      }
      if (this.#packets === 0 && this.#latePackets < MAX_LATE_PACKETS && this.#isLate?.(packet.time / log.clockRate)) {
        this.#latePackets++;
        this.#runs = [];
        this.#beginRun(cursor + 1);
        continue;
      }
      this.#deliver(packet, cursor);
      left--;
    }
    return left;
  }

  /** Sends a packet again under its number. False: it is no longer there. */
  resend(sequence: number): boolean {
    const last = (this.#firstSequence + this.#packets - 1) & 0xffff;
    const back = sequenceDistance(sequence, last);
    const order = this.#packets - 1 - back;
    if (back < 0 || order < 0) return false;
    const run = this.#runs.findLast(({ sentBefore }) => sentBefore <= order);
    if (!run) return false;
    const number = run.number + order - run.sentBefore;
    const packet = this.log.packet(number);
    if (!packet) return false;
    stampPacket(packet, { payloadType: this.#payloadType, sequence, time: this.#timeOf(packet, number) });
    return this.#send(packet.bytes);
  }

  #deliver(packet: LoggedPacket, number: number): void {
    stampPacket(packet, { payloadType: this.#payloadType, sequence: (this.#firstSequence + this.#packets) & 0xffff, time: this.#timeOf(packet, number) });
    this.#send(packet.bytes);
    this.#packets++;
    this.#octets += packet.bytes.length - 12;
    this.#cursor = number + 1;
  }

  #timeOf({ time }: LoggedPacket, number: number): number {
    return number >= this.#joinedAt ? time : this.#joinTime - Math.round((this.#joinTime - time) / CATCH_UP_SPEED);
  }

  /** Begins at the latest key frame that will do. */
  #begin(): number | undefined {
    const { begin, end } = this.log.key;
    if (end === begin || begin < Math.max(this.#keyFrom, this.log.oldest)) return undefined;
    this.#beginRun(begin);
    return begin;
  }

  #beginRun(number: number): void {
    this.#cursor = number;
    this.#runs.push({ number, sentBefore: this.#packets });
    if (this.#runs.length > MAX_RUNS) this.#runs.shift();
  }

  #skip(): void {
    if (this.log.kind === 'audio') {
      this.#beginRun(this.log.next);
      return;
    }
    const { begin, end } = this.log.key;
    const cursor = this.#cursor ?? 0;
    this.#cursor = undefined;
    // A whole key frame that lies ahead is the place to go on.
    this.#keyFrom = begin > cursor ? begin : Math.max(end, cursor);
    if (this.#keyFramesOnly) this.#skipped += Math.max(0, this.log.next - cursor);
  }
}
