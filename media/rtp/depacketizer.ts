/** What all depacketizers share: packets in, whole frames out, damaged ones left out. Lies between the jitter buffer and units. */
import type { AudioTrack, VideoTrack } from '../track.ts';
import type { RtpPacket } from './packet.ts';

/** A key frame of 4K video stays below 4 MiB. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;

/** As many as the largest frame takes, so that tiny packets cannot make a frame of millions of pieces. */
export const MAX_FRAME_PACKETS = 16_384;

export interface Frame {
  /** As `Unit.data`. */
  readonly data: Uint8Array;
  readonly key: boolean;
  /** Of its packets: 32 bits. */
  readonly timestamp: number;
  /** Frames before this one are missing: what follows may not decode until a key frame. */
  readonly afterLoss: boolean;
}

/** What a track gains from its packets. */
export type VideoFormat = Pick<VideoTrack, 'codec' | 'config' | 'codecString' | 'width' | 'height'>;
export type AudioFormat = Pick<AudioTrack, 'codec' | 'config' | 'codecString' | 'sampleRate' | 'channels'>;

export interface Depacketizer<Format = VideoFormat | AudioFormat> {
  /** Valid for the frames returned last and those after them: a new object when it changed. Undefined until the packets have told it; no frame is returned before. */
  readonly format: Format | undefined;
  /** Frames of which packets were missing or made no sense. */
  readonly damaged: number;
  /**
   * Takes the next packet in sequence order.
   * @param afterLoss packets directly before this one never came.
   */
  push(packet: Pick<RtpPacket, 'payload' | 'marker' | 'timestamp'>, afterLoss: boolean): readonly Frame[];
}

/** Puts the payloads of one frame together; one for each codec. */
export interface FrameBuilder {
  readonly format: VideoFormat | undefined;
  /** Whether a payload can only be the first of its frame. */
  begins(payload: Uint8Array): boolean;
  /** Takes the next payload of the frame; false when it makes no sense, after which only `reset` follows. */
  add(payload: Uint8Array): boolean;
  /**
   * The whole frame, and begins the next. 'nothing': nothing of it needs to be kept, or nothing can be shown yet.
   * 'damaged': it is not whole.
   */
  finish(): { readonly data: Uint8Array; readonly key: boolean } | 'nothing' | 'damaged';
  /** Forgets the frame begun. */
  reset(): void;
}

const NO_FRAMES: readonly Frame[] = [];

/** Cuts the packets of a video source into frames: by marker, or where the timestamp changes. */
export class FrameAssembler implements Depacketizer<VideoFormat> {
  readonly #builder: FrameBuilder;
  #isOpen = false;
  #isBroken = false;
  #timestamp = 0;
  #bytes = 0;
  #packets = 0;
  #damaged = 0;
  /** Packets went missing since the last frame returned. */
  #hasLost = false;
  /** An empty packet stood between the loss and the media. */
  #carriesLoss = false;

  constructor(builder: FrameBuilder) {
    this.#builder = builder;
  }

  get format(): VideoFormat | undefined {
    return this.#builder.format;
  }

  get damaged(): number {
    return this.#damaged;
  }

  push({ payload, marker, timestamp }: Pick<RtpPacket, 'payload' | 'marker' | 'timestamp'>, afterLoss: boolean): readonly Frame[] {
    const isAfterLoss = afterLoss || this.#carriesLoss;
    this.#carriesLoss = isAfterLoss && payload.length === 0;
    if (payload.length === 0) return NO_FRAMES;
    if (isAfterLoss) this.#hasLost = true;
    let before: Frame | undefined;
    if (this.#isOpen && timestamp !== this.#timestamp) {
      if (isAfterLoss) this.#isBroken = true;
      before = this.#finish();
    }
    if (!this.#isOpen) this.#open(timestamp, isAfterLoss && !this.#builder.begins(payload));
    else if (isAfterLoss) this.#isBroken = true;
    this.#add(payload);
    const frame = marker ? this.#finish() : undefined;
    if (before) return frame ? [before, frame] : [before];
    return frame ? [frame] : NO_FRAMES;
  }

  #open(timestamp: number, isBroken: boolean): void {
    this.#isOpen = true;
    this.#isBroken = isBroken;
    this.#timestamp = timestamp;
    this.#bytes = 0;
    this.#packets = 0;
  }

  #add(payload: Uint8Array): void {
    if (this.#isBroken) return;
    this.#bytes += payload.length;
    this.#packets++;
    const isTooLarge = this.#bytes > MAX_FRAME_BYTES || this.#packets > MAX_FRAME_PACKETS;
    if (isTooLarge || !this.#builder.add(payload)) {
      this.#isBroken = true;
      this.#builder.reset();
    }
  }

  #finish(): Frame | undefined {
    this.#isOpen = false;
    const made = this.#isBroken ? 'damaged' : this.#builder.finish();
    if (made === 'nothing') return undefined;
    if (made === 'damaged') {
      this.#builder.reset();
      this.#damaged++;
      this.#hasLost = true;
      return undefined;
    }
    const frame = { ...made, timestamp: this.#timestamp, afterLoss: this.#hasLost };
    this.#hasLost = false;
    return frame;
  }
}
