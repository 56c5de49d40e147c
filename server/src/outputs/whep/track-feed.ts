/**
 * One viewer's way through a packet log, or from one to another of the same picture at another size: where it is, what it was sent under
 * which number, when it must skip. Pure but for `send`.
 */
import { wrapRetransmission } from '@millrace/media/rtp/history';
import { sequenceDistance } from '@millrace/media/rtp/sequence';
import type { OtherPayload, Retransmission } from './negotiation.ts';
import { type LoggedPacket, type PacketLog, stampPacket } from './packet-log.ts';

/** A viewer who joins gets the running group of pictures at once, and one who changes size what was shown already; that is shown in so much less time. */
const CATCH_UP_SPEED = 32;

/** How far the key frame of another size may be behind what was sent: layers come one after the other, and tiers are made. In seconds. */
const MAX_STEP_BACK_SECONDS = 0.1;
const MAX_STEP_BACK_IN_STEP_SECONDS = 0.3;

/**
 * Sizes in step have key frames of the same times, of which one comes later by as long as it takes to make. So long the earlier one waits at
 * its key frame, and pictures from before it are waited for. In seconds.
 */
const MAX_WAIT_SECONDS = 0.3;

/** Sound that comes too late for its picture when it begins is left out for so long; sound that always does is better than none. */
const MAX_LATE_PACKETS = 250;

/** Skips that are remembered, for packets asked for again from before them, and how far back: logs are not kept for older ones. */
const MAX_RUNS = 8;
const MAX_PACKETS_BACK = 2_048;

export interface TrackFeedOptions {
  readonly log: PacketLog;
  /** Of the log's codec. */
  readonly payloadType: number;
  /** Of other codecs that its other sizes may have. */
  readonly others?: ReadonlyMap<PacketLog['codec'], OtherPayload>;
  /** Sequence number of its first packet, below 2^15 lest loss at the start be taken for a wrap. */
  readonly firstSequence: number;
  /** Where packets go that are sent again; among the others when left out. */
  readonly retransmission?: (Retransmission & { readonly firstSequence: number }) | undefined;
  send(packet: Buffer): boolean;
  /** True for sound whose picture was shown a while ago, as a bridge makes when it starts: a player would keep the delay. */
  isLate?(seconds: number): boolean;
}

/** Packets sent one after the other of a log: the first's number there, and how many were sent before it. */
interface Run {
  readonly log: PacketLog;
  readonly number: number;
  readonly sentBefore: number;
  /** Of the first. */
  readonly time: number;
  /** Of what was sent before: timestamps go on rising from there, until those of the packets themselves lie behind it. */
  readonly after: number;
}

export class TrackFeed {
  readonly #codec: PacketLog['codec'];
  readonly #payloadType: number;
  readonly #others: TrackFeedOptions['others'];
  readonly #firstSequence: number;
  readonly #send: (packet: Buffer) => boolean;
  #log: PacketLog;
  /** Where it goes with the next key frame there. */
  #next: PacketLog | undefined;
  /** Whether that has its key frames at the times of those here, and whether waiting for them was of use. */
  #isInStep = false;
  #mayWait = false;
  #runs: Run[] = [];
  /** Number of the next packet in the log; undefined while a key frame is waited for. */
  #cursor: number | undefined;
  /** A key frame before this is no place to begin. */
  #keyFrom = 0;
  /** Timestamps of packets of this log before this number are moved towards `#joinTime`. */
  readonly #joinLog: PacketLog;
  #joinedAt = 0;
  #joinTime = 0;
  #packets = 0;
  #resent = 0;
  readonly #retransmission: TrackFeedOptions['retransmission'];
  #octets = 0;
  #skipped = 0;
  #keyFramesOnly = false;
  /** What was sent last, and whether it ended its picture. */
  #lastTime = 0;
  #isBetweenPictures = true;
  readonly #isLate: ((seconds: number) => boolean) | undefined;
  #latePackets = 0;

  constructor({ log, payloadType, others, firstSequence, retransmission, send, isLate }: TrackFeedOptions) {
    this.#codec = log.codec;
    this.#others = others;
    this.#retransmission = retransmission;
    this.#log = log;
    this.#joinLog = log;
    this.#payloadType = payloadType;
    this.#firstSequence = firstSequence;
    this.#send = send;
    this.#isLate = isLate;
    this.#joinedAt = log.next;
    this.#joinTime = log.packet(log.next - 1)?.time ?? 0;
    if (log.kind === 'audio') this.#beginRun(log.next);
  }

  /** Where it takes from. */
  get log(): PacketLog {
    return this.#log;
  }

  /** Where it takes from, or will. */
  get target(): PacketLog {
    return this.#next ?? this.#log;
  }

  /**
   * Goes over to another size of the picture with the next key frame there, under the same source and with numbers and times that go on.
   * @param inStep whether all sizes have their key frames at the same times: then none of their pictures is left out, nor any shown twice.
   */
  switchTo(log: PacketLog, { inStep = false }: { readonly inStep?: boolean } = {}): void {
    this.#next = log === this.#log ? undefined : log;
    this.#isInStep = inStep;
    this.#mayWait = inStep;
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
  get keyFramesOnly(): boolean {
    return this.#keyFramesOnly;
  }

  set keyFramesOnly(only: boolean) {
    this.#keyFramesOnly = only && this.#log.kind === 'video';
  }

  /** What follows does not continue what was. */
  awaitKeyFrame(): void {
    if (this.#log.kind === 'audio') return;
    this.#cursor = undefined;
    this.#isBetweenPictures = true;
    this.#keyFrom = this.#log.next;
  }

  /** Sends what there is, at most `budget` packets. Returns how much of the budget is left; 0: call again soon. */
  pump(budget: number): number {
    let left = budget;
    while (left > 0) {
      if (this.#next && this.#isBetweenPictures) this.#switch(this.#next);
      const log = this.#log;
      const cursor = this.#cursor ?? this.#begin();
      if (cursor === undefined || cursor >= log.next || this.#waits(cursor)) return left;
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

  /** Sends a packet again, under its number or in the stream for such packets. False: it is no longer there. */
  resend(sequence: number): boolean {
    const last = (this.#firstSequence + this.#packets - 1) & 0xffff;
    const back = sequenceDistance(sequence, last);
    const order = this.#packets - 1 - back;
    if (back < 0 || order < 0) return false;
    const run = this.#runs.findLast(({ sentBefore }) => sentBefore <= order);
    if (!run) return false;
    const number = run.number + order - run.sentBefore;
    const packet = run.log.packet(number);
    if (!packet) return false;
    const { payloadType, retransmission } = this.#payloadsOf(run.log);
    stampPacket(packet, { payloadType, sequence, time: this.#timeOf(packet, number, run) });
    return this.#send(this.#again(packet.bytes, retransmission));
  }

  #payloadsOf({ codec }: PacketLog): OtherPayload {
    const own = { payloadType: this.#payloadType, retransmission: this.#retransmission?.payloadType };
    return codec === this.#codec ? own : (this.#others?.get(codec) ?? own);
  }

  #again(packet: Buffer, payloadType: number | undefined): Buffer {
    if (!this.#retransmission || payloadType === undefined) return packet;
    const { ssrc, firstSequence } = this.#retransmission;
    const wrapped = wrapRetransmission(packet, { ssrc, payloadType, sequence: (firstSequence + this.#resent++) & 0xffff });
    return wrapped ? Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength) : packet;
  }

  #deliver(packet: LoggedPacket, number: number): void {
    const time = this.#timeOf(packet, number, this.#runs.at(-1));
    stampPacket(packet, { payloadType: this.#payloadsOf(this.#log).payloadType, sequence: (this.#firstSequence + this.#packets) & 0xffff, time });
    this.#send(packet.bytes);
    this.#packets++;
    this.#octets += packet.bytes.length - 12;
    this.#cursor = number + 1;
    this.#lastTime = time;
    this.#isBetweenPictures = packet.marker;
  }

  #timeOf({ time }: LoggedPacket, number: number, run: Run | undefined): number {
    if (run && time <= run.after) return run.after + 1 + Math.round((time - run.time) / CATCH_UP_SPEED);
    if (run?.log !== this.#joinLog || number >= this.#joinedAt) return time;
    return this.#joinTime - Math.round((this.#joinTime - time) / CATCH_UP_SPEED);
  }

  /** With a key frame that is no older than what was sent: players show no picture twice. */
  #switch(log: PacketLog): void {
    const { begin, end } = log.key;
    const time = log.packet(begin)?.time;
    if (end === begin || time === undefined) return;
    const back = this.#packets === 0 ? 0 : this.#lastTime - time;
    const most = this.#isInStep ? MAX_STEP_BACK_IN_STEP_SECONDS : MAX_STEP_BACK_SECONDS;
    if (back > most * log.clockRate || (this.#isInStep && this.#hasEarlier(time, log))) return;
    this.#log = log;
    this.#next = undefined;
    this.#keyFrom = 0;
    this.#beginRun(begin, this.#packets === 0 ? undefined : this.#lastTime);
  }

  /** True while pictures from before this time are to be sent, or may come. */
  #hasEarlier(time: number, { latestTime = time, clockRate }: PacketLog): boolean {
    if (this.#packets === 0 || this.#cursor === undefined || this.#lastTime >= time) return false;
    const ahead = this.#log.packet(this.#cursor)?.time;
    if (ahead !== undefined) return ahead < time;
    return latestTime - time < MAX_WAIT_SECONDS * clockRate;
  }

  /** True at its own key frame while that of the other size may come. */
  #waits(cursor: number): boolean {
    const log = this.#log;
    if (!this.#next || !this.#mayWait || this.#packets === 0 || cursor !== log.key.begin) return false;
    const waited = (log.latestTime ?? 0) - (log.packet(cursor)?.time ?? 0);
    this.#mayWait = waited < MAX_WAIT_SECONDS * log.clockRate;
    return this.#mayWait;
  }

  /** Begins at the latest key frame that will do. */
  #begin(): number | undefined {
    const { begin, end } = this.#log.key;
    if (end === begin || begin < Math.max(this.#keyFrom, this.#log.oldest)) return undefined;
    this.#beginRun(begin);
    return begin;
  }

  #beginRun(number: number, after = Number.NEGATIVE_INFINITY): void {
    this.#cursor = number;
    this.#runs.push({ log: this.#log, number, sentBefore: this.#packets, time: this.#log.packet(number)?.time ?? 0, after });
    while (this.#runs.length > MAX_RUNS || (this.#runs[1]?.sentBefore ?? this.#packets) < this.#packets - MAX_PACKETS_BACK) this.#runs.shift();
  }

  #skip(): void {
    if (this.#log.kind === 'audio') {
      this.#beginRun(this.#log.next);
      return;
    }
    const { begin, end } = this.#log.key;
    const cursor = this.#cursor ?? 0;
    this.#cursor = undefined;
    this.#isBetweenPictures = true;
    // A whole key frame that lies ahead is the place to go on.
    this.#keyFrom = begin > cursor ? begin : Math.max(end, cursor);
    if (this.#keyFramesOnly) this.#skipped += Math.max(0, this.#log.next - cursor);
  }
}
