/** HEVC units as RTP payloads: single NAL units, aggregates and fragments. Source: RFC 7798 §4.4. */
import { hvcCSets } from '../codecs/hevc.ts';
import { HevcNal } from '../codecs/nal-types.ts';
import { type NalFormat, NalPacketizer } from './nal-packetizer.ts';
import type { PacketizerOptions } from './packetizer.ts';

const HEVC: NalFormat = {
  headerBytes: 2,
  typeOf,
  sps: HevcNal.sps,
  skips: (type) => type === HevcNal.aud || type === HevcNal.filler,
  /** §4.4.2: the header has the lowest layer and the lowest temporal id of the units within. */
  writeAggregateHeader(buffer, nals) {
    let layer = 0x3f;
    let temporal = 7;
    for (const [first = 0, second = 0] of nals) {
      layer = Math.min(layer, ((first & 1) << 5) | (second >> 3));
      temporal = Math.min(temporal, second & 7);
    }
    buffer.byte((HevcNal.aggregate << 1) | (layer >> 5));
    buffer.byte(((layer & 0x1f) << 3) | temporal);
  },
  writeFragmentHeader(buffer, [first = 0, second = 0]) {
    buffer.byte((first & 0x81) | (HevcNal.fragment << 1));
    buffer.byte(second);
  },
};

export class HevcPacketizer extends NalPacketizer {
  /** @param hvcC the track's configuration. Throws ProtocolError. */
  constructor(hvcC: Uint8Array, options?: PacketizerOptions) {
    // It may hold more, such as the message in which an encoder names itself.
    const sets = hvcCSets(hvcC).filter(([first = 0]) => typeOf(first) >= HevcNal.vps && typeOf(first) <= HevcNal.pps);
    super(HEVC, sets, options);
  }
}

function typeOf(first: number): number {
  return (first >> 1) & 0x3f;
}
