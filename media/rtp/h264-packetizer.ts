/** H.264 units as RTP payloads of packetization mode 1: single NAL units, STAP-A and FU-A. Source: RFC 6184 §5.6 to §5.8. */
import { parameterSetsOfAvcC } from '../codecs/h264-parameter-sets.ts';
import { H264Nal } from '../codecs/nal-types.ts';
import { type NalFormat, NalPacketizer } from './nal-packetizer.ts';
import type { PacketizerOptions } from './packetizer.ts';

const NRI = 0x60;

const H264: NalFormat = {
  headerBytes: 1,
  typeOf: (first) => first & 0x1f,
  sps: H264Nal.sps,
  skips: (type) => type === H264Nal.aud || type === H264Nal.filler,
  /** §5.7.1: the header has the highest importance of the units within. */
  writeAggregateHeader(buffer, nals) {
    let nri = 0;
    for (const [header = 0] of nals) nri = Math.max(nri, header & NRI);
    buffer.byte(nri | H264Nal.stapA);
  },
  writeFragmentHeader: (buffer, [header = 0]) => buffer.byte((header & NRI) | H264Nal.fuA),
};

export class H264Packetizer extends NalPacketizer {
  /** @param avcC the track's configuration. Throws ProtocolError. */
  constructor(avcC: Uint8Array, options?: PacketizerOptions) {
    const { sps, pps } = parameterSetsOfAvcC(avcC);
    super(H264, [...sps, ...pps], options);
  }
}
