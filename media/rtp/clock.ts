/**
 * RTP timestamps and the one timeline. Coming in: by arrival until sender reports tell how the tracks of a sender lie to each
 * other. Going out: both ways exactly, so that our sender reports keep lips in step.
 */
import { rescale, Unwrapper } from '../time.ts';
import type { SenderReport } from './rtcp.ts';

const MICROS = 1_000_000;

/**
 * How fast the picture moves to where a report puts it: a frame of 33 ms is shown for 30 or 37 ms until it is there, which
 * nobody sees, where one correction would be a stutter, or times that go back.
 */
const SLEW = 1 / 10;

/** A report that puts tracks further apart than this is wrong: nobody's encoder holds one back so long. */
const MAX_CORRECTION_MICROS = 10 * MICROS;

type Report = Pick<SenderReport, 'ntpMicros' | 'rtpTimestamp'>;

/** The tracks of one sender. The sound leads: it is never moved, since gaps in it are heard; the picture follows it. */
export class ReceiveClock {
  readonly #followers: TrackClock[] = [];
  #leader: TrackClock | undefined;
  /** Added to the sender's wall clock to get the timeline; undefined until the leader has reported. */
  #ntpOffsetMicros: number | undefined;

  /** The clock of one source. @param leads true for the sound, or for the only track. The first that says so leads. */
  addTrack(clockRate: number, leads: boolean): TrackClock {
    const track: TrackClock = new TrackClock(clockRate, () => this.#reported(track));
    if (leads && !this.#leader) this.#leader = track;
    else this.#followers.push(track);
    return track;
  }

  /** Forgets a track, as when its source is replaced. */
  removeTrack(track: TrackClock): void {
    const at = this.#followers.indexOf(track);
    if (at !== -1) this.#followers.splice(at, 1);
    if (this.#leader !== track) return;
    this.#leader = undefined;
    this.#ntpOffsetMicros = undefined;
  }

  #reported(track: TrackClock): void {
    if (track === this.#leader) this.#ntpOffsetMicros = track.ntpOffsetMicros;
    const offset = this.#ntpOffsetMicros;
    if (offset === undefined) return;
    for (const follower of this.#followers) follower.follow(offset);
  }
}

/** Maps the timestamps of one source onto the timeline. */
export class TrackClock {
  readonly #clockRate: number;
  readonly #onReport: () => void;
  readonly #unwrapper = new Unwrapper(32);
  /** The furthest timestamp seen, unwrapped. */
  #last: number | undefined;
  /** Added to an unwrapped timestamp to get timeline ticks. Not whole while it moves. */
  #offset = 0;
  #target: number | undefined;
  #report: Report | undefined;
  #ntpOffset: number | undefined;
  #refusedReports = 0;

  /** Made by `ReceiveClock`. */
  constructor(clockRate: number, onReport: () => void) {
    this.#clockRate = clockRate;
    this.#onReport = onReport;
  }

  /** Reports that could not be right. */
  get refusedReports(): number {
    return this.#refusedReports;
  }

  /** How far the track still has to move, in microseconds. */
  get correctionMicros(): number {
    return this.#target === undefined ? 0 : ((this.#target - this.#offset) * MICROS) / this.#clockRate;
  }

  /** What the last report makes of the sender's wall clock; undefined without one. */
  get ntpOffsetMicros(): number | undefined {
    if (!this.#report || this.#last === undefined) return undefined;
    return this.#micros(this.#unwrapped(this.#report.rtpTimestamp, this.#last) + this.#offset) - this.#report.ntpMicros;
  }

  /**
   * The place on the timeline of a frame, in ticks of the clock rate. Frames are given in order of decoding.
   * @param timestamp 32 bits.
   * @param arrivalMicros on the timeline: where the first frame is put.
   */
  time(timestamp: number, arrivalMicros: number): number {
    const unwrapped = this.#unwrapper.next(timestamp);
    if (this.#last === undefined) this.#begin(unwrapped, arrivalMicros);
    else if (unwrapped > this.#last) this.#slew(unwrapped - this.#last);
    this.#last = Math.max(unwrapped, this.#last ?? unwrapped);
    return unwrapped + Math.round(this.#offset);
  }

  /** Takes a sender report of the source. */
  report({ ntpMicros, rtpTimestamp }: Report): void {
    this.#report = { ntpMicros, rtpTimestamp };
    this.#onReport();
  }

  /** The leader lies so to the sender's wall clock: moves there, bit by bit. Called by `ReceiveClock`. */
  follow(ntpOffsetMicros: number): void {
    this.#ntpOffset = ntpOffsetMicros;
    if (!this.#report || this.#last === undefined) return;
    const wanted = (this.#report.ntpMicros + ntpOffsetMicros) * (this.#clockRate / MICROS);
    const target = wanted - this.#unwrapped(this.#report.rtpTimestamp, this.#last);
    if (Math.abs(this.#micros(target - this.#offset)) > MAX_CORRECTION_MICROS) this.#refusedReports++;
    else this.#target = target;
  }

  #begin(unwrapped: number, arrivalMicros: number): void {
    this.#offset = rescale(arrivalMicros, MICROS, this.#clockRate) - unwrapped;
    this.#last = unwrapped;
    // A track that reported before its first frame is in its place from the beginning.
    if (this.#ntpOffset !== undefined) this.follow(this.#ntpOffset);
    else if (this.#report) this.#onReport();
    if (this.#target !== undefined) this.#offset = this.#target;
  }

  #slew(elapsed: number): void {
    if (this.#target === undefined || this.#target === this.#offset) return;
    const most = elapsed * SLEW;
    this.#offset += Math.max(-most, Math.min(most, this.#target - this.#offset));
  }

  #unwrapped(timestamp: number, near: number): number {
    return near + ((timestamp - near) | 0);
  }

  #micros(ticks: number): number {
    return (ticks * MICROS) / this.#clockRate;
  }
}

interface SendClockOptions {
  /** Of the units. */
  readonly timescale: number;
  /** Of the timestamps. */
  readonly clockRate: number;
  /** What time zero of the timeline is called: random, 32 bits (RFC 3550 §5.1). */
  readonly firstTimestamp: number;
  /** The wall clock at time zero of the timeline, microseconds since 1900: the same for all tracks that belong together. */
  readonly zeroNtpMicros: number;
}

/** Maps units onto the timestamps of one outgoing source. */
export class SendClock {
  readonly #options: SendClockOptions;

  constructor(options: SendClockOptions) {
    this.#options = options;
  }

  /** The timestamp of a unit, 32 bits. */
  timestamp(ticks: number): number {
    const { timescale, clockRate, firstTimestamp } = this.#options;
    return (rescale(ticks, timescale, clockRate) + firstTimestamp) % 0x1_0000_0000;
  }

  /** The times that a sender report of now tells. */
  report(nowNtpMicros: number): Report {
    const { clockRate, firstTimestamp, zeroNtpMicros } = this.#options;
    const ticks = rescale(nowNtpMicros - zeroNtpMicros, MICROS, clockRate);
    return { ntpMicros: nowNtpMicros, rtpTimestamp: (((ticks + firstTimestamp) % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000 };
  }
}
