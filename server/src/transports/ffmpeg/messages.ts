/**
 * What the server and a media process say to each other, over the channel that Node opens between them: binary, media is never turned into
 * text. A media process has read hostile bytes, so nothing it says is trusted.
 */
import { z } from 'zod';

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');
const Ticks = z.int();

/** A key frame of 8K at the best quality; longer is nonsense. */
const MAX_PACKET_BYTES = 32 * 1024 * 1024;

/** More streams than this no source has that anybody watches; the rest are left out. */
export const MAX_STREAMS = 16;

const VideoCodec = z.enum(['h264', 'hevc', 'av1', 'vp9', 'vp8']);
const AudioCodec = z.enum(['aac', 'opus', 'mp3', 'flac', 'ac3', 'eac3']);

/** The first message to a media process: what it is for. */
export type MediaTask = MuxTask | DemuxTask;

/** Packs units into a container and carries that to an address. */
export interface MuxTask {
  readonly type: 'mux';
  readonly url: string;
  readonly format: 'mpegts';
  readonly tracks: readonly MuxTrack[];
}

/** Of a Track, with its id. */
export interface MuxTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly codec: z.infer<typeof VideoCodec> | z.infer<typeof AudioCodec>;
  readonly timescale: number;
  readonly config: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
  readonly channels: number;
}

/** Fetches from an address and takes apart what comes. */
export interface DemuxTask {
  readonly type: 'demux';
  readonly url: string;
  /** Of libavformat's demuxers and protocols. */
  readonly options: Readonly<Record<string, string>>;
  /** Whether what comes at once is given out in its time. */
  readonly isPaced: boolean;
  /** Whether the end is followed by the beginning. */
  readonly isLooped: boolean;
}

/** A unit for the muxer, or its end. */
export type ToMediaProcess =
  | MediaTask
  | { readonly type: 'unit'; readonly track: number; readonly dts: number; readonly pts: number; readonly key: boolean; readonly data: Uint8Array }
  | { readonly type: 'end' };

const DemuxedStream = z.strictObject({
  index: z.int().min(0).max(1_000),
  kind: z.enum(['video', 'audio']),
  /** libavformat's name for a codec that is not served. */
  codec: z.union([VideoCodec, AudioCodec, z.strictObject({ unsupported: z.string().max(64) })]),
  /** Ticks a second of the packets' times. */
  timescale: z.int().min(1).max(1_000_000_000),
  /** As the container has it: a configuration record, Annex B, or nothing. */
  extraData: Bytes,
  width: z.int().min(0).max(65_535),
  height: z.int().min(0).max(65_535),
  sampleRate: z.int().min(0).max(1_000_000),
  channels: z.int().min(0).max(255),
});
export type DemuxedStream = z.infer<typeof DemuxedStream>;

const Packet = z.strictObject({
  type: z.literal('packet'),
  stream: z.int().min(0).max(1_000),
  dts: Ticks,
  pts: Ticks,
  key: z.boolean(),
  data: Bytes.refine((bytes) => bytes.length <= MAX_PACKET_BYTES, 'too long'),
});
export type DemuxedPacket = Omit<z.infer<typeof Packet>, 'type'>;

export const FromMediaProcess = z.discriminatedUnion('type', [
  /** The muxer is connected. */
  z.strictObject({ type: z.literal('opened') }),
  /** The muxer has written so many units more, and so many bytes in all. */
  z.strictObject({ type: z.literal('written'), units: z.int().min(0), bytes: z.number().min(0) }),
  z.strictObject({ type: z.literal('streams'), streams: z.array(DemuxedStream).max(MAX_STREAMS) }),
  Packet,
  /** Nothing follows: the end of what there was. */
  z.strictObject({ type: z.literal('ended') }),
  /** It cannot go on; libavformat's word for why. */
  z.strictObject({ type: z.literal('failed'), why: z.string().max(500) }),
]);
export type FromMediaProcess = z.infer<typeof FromMediaProcess>;
