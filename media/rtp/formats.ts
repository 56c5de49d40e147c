/** The packetizer and the depacketizer of each codec that RTP carries. */
import type { RtpCodec } from '../sdp/codec-match.ts';
import type { Track } from '../track.ts';
import { Av1Builder } from './av1-builder.ts';
import { Av1Packetizer } from './av1-packetizer.ts';
import { type Depacketizer, FrameAssembler } from './depacketizer.ts';
import { H264Builder } from './h264-builder.ts';
import { H264Packetizer } from './h264-packetizer.ts';
import { HevcBuilder } from './hevc-builder.ts';
import { HevcPacketizer } from './hevc-packetizer.ts';
import { OpusDepacketizer, OpusPacketizer } from './opus.ts';
import type { Packetizer, PacketizerOptions } from './packetizer.ts';
import { Vp8Builder } from './vp8-builder.ts';
import { Vp9Builder } from './vp9-builder.ts';
import { Vp8Packetizer, Vp9Packetizer } from './vpx-packetizer.ts';

/** Undefined for codecs that browsers do not take by RTP, such as AAC. Throws ProtocolError when the track's configuration is damaged. */
export function packetizerFor({ codec, config }: Pick<Track, 'codec' | 'config'>, options: PacketizerOptions = {}): Packetizer | undefined {
  switch (codec) {
    case 'h264':
      return new H264Packetizer(config, options);
    case 'hevc':
      return new HevcPacketizer(config, options);
    case 'av1':
      return new Av1Packetizer(config, options);
    case 'vp8':
      return new Vp8Packetizer(options);
    case 'vp9':
      return new Vp9Packetizer(options);
    case 'opus':
      return new OpusPacketizer(options);
    default:
      return undefined;
  }
}

export function depacketizerFor(codec: RtpCodec): Depacketizer {
  switch (codec) {
    case 'h264':
      return new FrameAssembler(new H264Builder());
    case 'hevc':
      return new FrameAssembler(new HevcBuilder());
    case 'av1':
      return new FrameAssembler(new Av1Builder());
    case 'vp8':
      return new FrameAssembler(new Vp8Builder());
    case 'vp9':
      return new FrameAssembler(new Vp9Builder());
    case 'opus':
      return new OpusDepacketizer();
  }
}
