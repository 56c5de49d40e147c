/** The depacketizer of each codec that WHIP takes. Pure. */
import { type Depacketizer, FrameAssembler } from '@millrace/media/rtp/depacketizer';
import { H264Builder } from '@millrace/media/rtp/h264-builder';
import { OpusDepacketizer } from '@millrace/media/rtp/opus';
import type { RtpCodec } from '@millrace/media/sdp/codec-match';

/** Undefined: not taken. */
export function makeDepacketizer(codec: RtpCodec): Depacketizer | undefined {
  switch (codec) {
    case 'h264':
      return new FrameAssembler(new H264Builder());
    case 'opus':
      return new OpusDepacketizer();
    default:
      return undefined;
  }
}
